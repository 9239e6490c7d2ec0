"""Numbers in the words of a task: how right classes, tags, texts, likelihoods and boxes are."""

from elman.tasks.scoring.boxes import average_precision, intersection_over_union
from elman.tasks.scoring.classes import accuracy, class_scores, confusion, macro_f1
from elman.tasks.scoring.edits import align, character_error_rate, edit_distance, word_error_rate
from elman.tasks.scoring.likelihood import bits_per_character, perplexity
from elman.tasks.scoring.numbers import r_squared
from elman.tasks.scoring.spans import span_f1, spans
from elman.tasks.scoring.texts import bleu, chrf, rouge_l, text_notes, text_scores

__all__ = [
    "accuracy",
    "align",
    "average_precision",
    "bits_per_character",
    "bleu",
    "character_error_rate",
    "chrf",
    "class_scores",
    "confusion",
    "edit_distance",
    "intersection_over_union",
    "macro_f1",
    "perplexity",
    "r_squared",
    "rouge_l",
    "span_f1",
    "spans",
    "text_notes",
    "text_scores",
    "word_error_rate",
]
