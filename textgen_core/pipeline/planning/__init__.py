"""What a text and some minutes will come to, before anything is trained: forecasts by a fitted law."""
