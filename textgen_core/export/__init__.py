"""The trained model as a file that somebody else can use: a web page, or LiteRT programs."""
