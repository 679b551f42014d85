"""The kinds of [[source]]: one model each, and the table of them all."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from pipeline.settings.values import FilePath, Frozen, Name, web_address


class PagesSource(Frozen):
    """Web pages; ``{category}`` and ``{query}`` in ``url`` are filled in."""

    kind: Literal["pages"]
    url: Annotated[str, AfterValidator(web_address)]
    max_pages: int = Field(default=100, ge=1)  # a category, next-page links followed


class UrlsSource(Frozen):
    """A CSV or JSONL with ``url`` and ``category``, one photo a row."""

    kind: Literal["urls"]
    path: FilePath


class FolderSource(Frozen):
    """A folder that holds one folder a category, named as the category."""

    kind: Literal["folder"]
    path: FilePath


class OpenverseSource(Frozen):
    """Openverse's search, by each category's queries."""

    kind: Literal["openverse"]


class CommonsSource(Frozen):
    """Wikimedia Commons' search, by each category's queries."""

    kind: Literal["commons"]


class MnistSource(Frozen):
    """The idx files of MNIST as published, packed (.gz) or not, in one folder."""

    kind: Literal["mnist"]
    path: FilePath
    classes: tuple[Name, ...] = tuple("0123456789")  # the names of labels 0, 1, ...


class CifarSource(Frozen):
    """CIFAR: class folders, a tar of them or of the python batches, or a batch."""

    kind: Literal["cifar"]
    path: FilePath
    part: Literal["train", "test"] | None = None  # where the files don't say


class ParquetSource(Frozen):
    """Parquet files with image bytes and labels, as Hugging Face publishes them."""

    kind: Literal["parquet"]
    path: FilePath  # a file, or a folder of them
    image: Name = "image"  # the column of the bytes
    label: Name = "label"  # the column of the classes, as numbers or names
    classes: tuple[Name, ...] = ()  # the names of labels 0, 1, ...; else the file's


Source = Annotated[
    PagesSource
    | UrlsSource
    | FolderSource
    | OpenverseSource
    | CommonsSource
    | MnistSource
    | CifarSource
    | ParquetSource,
    Field(discriminator="kind"),
]

SOURCES: dict[str, type[BaseModel]] = {
    "pages": PagesSource,
    "urls": UrlsSource,
    "folder": FolderSource,
    "openverse": OpenverseSource,
    "commons": CommonsSource,
    "mnist": MnistSource,
    "cifar": CifarSource,
    "parquet": ParquetSource,
}
SEARCHES = ("openverse", "commons")  # filled up to per_category, by queries
