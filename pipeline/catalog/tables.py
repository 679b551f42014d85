"""The catalog's tables, as the migrations leave them.

Times are ISO 8601 text in UTC: they sort, compare and read the same on SQLite and
PostgreSQL. Enumerations are text with a check, so that a row can be read by eye.
"""

from enum import StrEnum

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)


class Kind(StrEnum):
    """What a tombstone names."""

    SHA256 = "sha256"
    ORIGIN = "origin"  # the address, or the path, that it came from
    PAGE = "page"  # that shows it
    WORK = "work"
    AUTHOR = "author"  # the name, as ``fold_name`` has it
    AUTHOR_PAGE = "author_page"


class Outcome(StrEnum):
    """How a candidate ended; one that has none yet is still to be tried."""

    STORED = "stored"  # its bytes are in the store, and it owns them
    KNOWN = "known"  # the same bytes were stored for a candidate before it
    REFUSED = "refused"  # not wanted, for good: robots.txt, too small, not a picture
    FAILED = "failed"  # for a cause that passes; tried again by the next run


class Status(StrEnum):
    """What is true now of an item."""

    SCRAPED = "scraped"  # its label is the category it was found under
    CONFLICT = "conflict"  # found under several categories: a person decides
    LABELLED = "labelled"  # a person said what it is
    REJECTED = "rejected"  # a person said it is no picture of any category
    UNSURE = "unsure"  # a person could not tell


# A person gave the item its present state.
DECIDED = frozenset({Status.LABELLED, Status.REJECTED, Status.UNSURE})


class Part(StrEnum):
    """The parts of a split."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TAKEN_DOWN = "forgotten"  # the reason of what was taken down
_SHA = String(64)

PAGE = Table(  # a page that candidates were read from
    "page",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("source", String, nullable=False),
    Column("category", String, nullable=False),
    Column("url", String, nullable=False),
    Column("outcome", String, nullable=False),  # stored: it was read
    Column("reason", String, nullable=False, default=""),
    Column("next_url", String),
    Column("read_at", String, nullable=False),
    UniqueConstraint("category", "url"),
)

CANDIDATE = Table(  # one row for every file met, and category it was met under
    "candidate",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("source", String, nullable=False),  # the kind of source
    Column("category", String, nullable=False),
    Column("origin", String, nullable=False),  # the URL or file it came from
    Column("page", String, nullable=False, default=""),  # the page that shows it
    Column("title", String, nullable=False, default=""),
    Column("author", String, nullable=False, default=""),
    Column("licence", String, nullable=False, default=""),
    Column("licence_url", String, nullable=False, default=""),
    # What a service calls the work, "commons:123"; the same wherever it was met.
    Column("work", String, nullable=False, default="", server_default=""),
    Column("author_url", String, nullable=False, default="", server_default=""),
    Column("licence_version", String, nullable=False, default="", server_default=""),
    Column("attribution", String, nullable=False, default="", server_default=""),
    Column("part", String),  # train or test, where the published data says so
    Column("http_status", Integer),
    Column("content_type", String),
    Column("final_url", String),  # after redirects, where it differs
    Column("outcome", String),
    Column("reason", String, nullable=False, default=""),
    Column("sha256", _SHA),
    Column("found_at", String, nullable=False),
    Column("tried_at", String),
    UniqueConstraint("category", "origin"),
    Index("ix_candidate_outcome", "outcome", "id"),
    Index("ix_candidate_sha256", "sha256"),
    Index("ix_candidate_origin", "origin"),
    Index("ix_candidate_work", "work"),
)

FORGOTTEN = Table(  # what was taken down, so that it never comes back
    "forgotten",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),  # forgetting.Kind
    Column("value", String, nullable=False),  # a very long one as its digest
    Column("at", String, nullable=False),
    UniqueConstraint("kind", "value"),
)

IMAGE = Table(  # one row for each different file of the store
    "image",
    METADATA,
    Column("sha256", _SHA, primary_key=True),
    Column("candidate_id", ForeignKey("candidate.id"), nullable=False),  # the owner
    Column("format", String, nullable=False),
    Column("extension", String, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("phash", String(16)),  # 64 bits as hex; null until dedup has seen it
    Column("flags", String, nullable=False, default=""),  # quality, by comma
    # What the flags came from, in 0..1 by name, as JSON; "" until dedup has seen it.
    Column("scores", String, nullable=False, default="", server_default=""),
)

DUPLICATE = Table(  # the group of every image; one without copies is alone in its own
    "duplicate",
    METADATA,
    Column("sha256", ForeignKey("image.sha256"), primary_key=True),
    Column("group_id", Integer, nullable=False),  # the lowest candidate id in it
    Column("kept", Boolean, nullable=False),
    Column("reason", String, nullable=False, default=""),  # why it is a copy
    Index("ix_duplicate_group_id", "group_id"),
)

APART = Table(  # images that a person said are not the same photo
    "apart",
    METADATA,
    Column("first", ForeignKey("image.sha256"), primary_key=True),  # the lower sha256
    Column("second", ForeignKey("image.sha256"), primary_key=True),
    Column("user", String, nullable=False),
    Column("at", String, nullable=False),
    Index("ix_apart_second", "second"),
)

CHOICE = Table(  # which image of its group a person wants to be kept; the newest holds
    "choice",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sha256", ForeignKey("image.sha256"), nullable=False),
    Column("user", String, nullable=False),
    Column("at", String, nullable=False),
    Index("ix_choice_sha256", "sha256"),
)

ITEM = Table(  # what is true now of an image
    "item",
    METADATA,
    Column("sha256", ForeignKey("image.sha256"), primary_key=True),
    Column("label", String),
    Column("status", String, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_item_status", "status"),
)

EVENT = Table(  # the journal: rows are added, never changed
    "event",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sha256", ForeignKey("image.sha256"), nullable=False),
    Column("user", String, nullable=False),
    Column("client", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("old_label", String),
    Column("old_status", String),
    Column("new_label", String),
    Column("new_status", String),
    Column("base_version", Integer, nullable=False),
    Column("version", Integer, nullable=False),  # of the item, afterwards
    Column("undoes", Integer),  # the event that this one takes back
    Column("at", String, nullable=False),
    Column("batch", Integer),  # the seq of the first op of a bulk
    Column("shown_ms", Integer),  # how long the photo was looked at
    Column("note", String, nullable=False, default="", server_default=""),
    UniqueConstraint("client", "seq"),
    Index("ix_event_sha256", "sha256", "id"),
    Index("ix_event_user", "user", "id"),
    Index("ix_event_action", "action", "id"),
    Index(
        "ix_event_undoes",
        "undoes",
        sqlite_where=text("undoes IS NOT NULL"),
        postgresql_where=text("undoes IS NOT NULL"),
    ),
)

CHANGE = Table(  # the newest changes of the photos that are no events
    "change",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),  # among events
    Column("sha256", _SHA, primary_key=True),  # whose group changed; "": any
)

LEASE = Table(  # which photos are before somebody just now
    "lease",
    METADATA,
    Column("sha256", ForeignKey("image.sha256"), primary_key=True),
    Column("client", String, nullable=False),  # one browser tab
    Column("user", String, nullable=False),
    Column("until", String, nullable=False),
    Index("ix_lease_client", "client"),
    Index("ix_lease_until", "until"),
)

PREFERENCE = Table(  # how a curator wants the page to be
    "preference",
    METADATA,
    Column("user", String, primary_key=True),
    Column("wishes", String, nullable=False),  # JSON, an object
)

SPLIT = Table(  # which part an image is in
    "split",
    METADATA,
    Column("sha256", ForeignKey("image.sha256"), primary_key=True),
    Column("part", String, nullable=False),
    Index("ix_split_part", "part"),
)

RUN = Table(  # one row a training run
    "run",
    METADATA,
    Column("name", String, primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
)

RUN_PHOTO = Table(  # what a run was trained and measured on
    "run_photo",
    METADATA,
    Column("run", ForeignKey("run.name"), primary_key=True),
    Column("sha256", _SHA, primary_key=True),
    Column("label", String, nullable=False),
    Column("part", String, nullable=False),
)

PREDICTION = Table(  # what a run said of the photos it was measured on
    "prediction",
    METADATA,
    Column("run", ForeignKey("run.name"), primary_key=True),
    Column("sha256", _SHA, primary_key=True),
    Column("label", String, nullable=False),
    Column("confidence", Float, nullable=False),
)
