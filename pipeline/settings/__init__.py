"""categories.toml → frozen settings, the defaults filled in.

One model per table of the file. Unknown keys, missing fields and bad values end in
one line that names the file, the key, what was expected and what came.
Paths in the file are absolute or relative to it; here they are absolute.
"""

from pipeline.settings.reading import dump_settings, load_settings
from pipeline.settings.sources import (
    SEARCHES,
    CifarSource,
    CommonsSource,
    FolderSource,
    MnistSource,
    OpenverseSource,
    PagesSource,
    ParquetSource,
    Source,
    UrlsSource,
)
from pipeline.settings.tables import (
    RECIPES,
    WITHOUT_WEIGHTS,
    NoiseName,
    RobustnessSettings,
    ScrapeSettings,
    SetSettings,
    TrainSettings,
)

__all__ = [
    "RECIPES",
    "SEARCHES",
    "WITHOUT_WEIGHTS",
    "CifarSource",
    "CommonsSource",
    "FolderSource",
    "MnistSource",
    "NoiseName",
    "OpenverseSource",
    "PagesSource",
    "ParquetSource",
    "RobustnessSettings",
    "ScrapeSettings",
    "SetSettings",
    "Source",
    "TrainSettings",
    "UrlsSource",
    "dump_settings",
    "load_settings",
]
