"""The project's own module: digits as rows of 64 pixels, and a part of them to validate on."""

import pandas as pd
from sklearn.model_selection import train_test_split

TARGET = "digit"


def load(path: str, seed: int) -> list:
    """Return the pixels and the digits to learn from, and those to look at."""
    frame = pd.read_csv(path)
    pixels, digits = frame.drop(columns=TARGET).astype("float64"), frame[TARGET]
    return train_test_split(pixels / 16, digits, test_size=0.25, random_state=seed, stratify=digits)
