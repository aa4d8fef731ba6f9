"""What a text and some minutes will come to, before training: forecasts by a fitted law."""
