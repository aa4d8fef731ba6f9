"""The Spanish words of the pictures. What is not here is a word of the corpus, and stays."""

from __future__ import annotations

SPANISH = {
    "rank": "rango",
    "occurrences": "apariciones",
    "words": "palabras",
    "sentences": "oraciones",
    "Frequency of words over their rank": "Frecuencia de las palabras según su rango",
    "Lengths of sentences in words": "Longitud de las oraciones en palabras",
    "The words that mark the book": "Las palabras que caracterizan el libro",
    "the ferry meets the tide": "el tren pasa por el mar.",
    "Splits and windows": "Particiones y ventanas",
    "the text, cut in the order given": "el texto, cortado en el orden dado",
    "training": "entrenamiento",
    "validation": "validación",
    "test": "prueba",
    "the training split, token by token": "la partición de entrenamiento, token a token",
    "stride 8: window beside window": "stride 8: una ventana junto a otra",
    "stride 4: two epochs, a row each": "stride 4: dos épocas, una por fila",
    "the first window: each target is the next token": "la primera ventana: cada objetivo es el "
    "token siguiente",
    "inputs": "entradas",
    "targets": "objetivos",
    "An LSTM over four tokens": "Una LSTM sobre cuatro tokens",
    "state": "estado",
    "the same weights at every step; the state is all that is known of earlier tokens": "los "
    "mismos pesos en cada paso; de los tokens anteriores solo queda el estado",
    "A Transformer over four tokens, and one block of it": "Un Transformer sobre cuatro tokens, y "
    "uno de sus bloques",
    "block": "bloque",
    "one block": "un bloque",
    "every position looks at all earlier ones": "cada posición mira a todas las anteriores",
    "embedding": "embedding",
    "output": "salida",
    "norm": "normalización",
    "attention": "atención",
    "feed-forward": "red densa",
    "Training and validation loss over the steps": "Pérdida de entrenamiento y de validación a lo "
    "largo de los pasos",
    "step": "paso",
    "nats per token": "nats por token",
    "guessing": "adivinar",
    "counting tokens": "contar tokens",
    "counting 6-grams": "contar 6-gramas",
    "Loss by how often a token occurs in the training text": "Pérdida según las veces que un token "
    "aparece en el texto de entrenamiento",
    "never": "nunca",
    "tokens": "tokens",
    "all tokens": "todos los tokens",
    "How much each token surprises": "Cuánto sorprende cada token",
    "under": "menos de",
    "over": "más de",
    "Temperatures": "Temperaturas",
    "temperature": "temperatura",
    "entropy": "entropía",
    "all others": "los demás",
}


def to_spanish(words: str) -> str:
    """Return the Spanish of some English words of a picture; raises KeyError if it is missing."""
    return SPANISH[words]
