"""The papers' own figures, to be set beside a run's."""

from __future__ import annotations

# MCLP Table 1, in the order of ``table1.HEADER`` and by the names that ``drama`` gives the rows.
TABLE1: dict[str, tuple[str, ...]] = {
    "WenetSpeech": ("83,503", "12,541.61", "17,894,974", "-", "-", "-", "-"),
    "YouTube drama": ("17,253", "5,343.24", "8,306,291", "-", "-", "-", "-"),
    "YouTube drama (video available)": ("8,556", "2,709.98", "4,178,049", "-", "-", "-", "-"),
    "Scene and character annotated": (
        "8,278",
        "2,288.79",
        "3,581,488",
        "598,701",
        "72.32",
        "5.98",
        "1.74",
    ),
    "Filtered": ("8,237", "1,435.29", "2,276,602", "311,938", "37.87", "7.30", "2.33"),
}

# FlexiVoice A.4 (S2): how many rows, and how many of them have an emotional reference.
S2_ROWS = 20_000
S2_EMOTIONAL_SHARE = 0.1
# FlexiVoice A.4 (S3), for each of two languages; 14,000 in all.
S3_LANGUAGES = 2
S3_SAMPLED = 1_000
S3_WRITTEN = 6_000
