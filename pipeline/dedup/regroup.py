"""What a curator says of one group, followed at once, whatever the size of the set.

Comes in: a group as the curator saw it, and what they say of it: some images are not
the same as the rest, or another one is to be kept. Goes out: both are in the catalog,
and the groups are what deduplicating the whole set again would make of them.

That needs only the images that chains of copies lead to from the group: how others are
grouped has no part in it. What comparing them showed lies in the cache; where it does
not, or does not explain the group, its images are compared again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256 as digest_of
from pathlib import Path

from pipeline.catalog import Catalog
from pipeline.catalog.groups import Copy, Said, Saying, Vicinity
from pipeline.catalog.partings import Pair
from pipeline.catalog.photos import Grouping, StoredImage
from pipeline.dedup.arranging import Words, arrange
from pipeline.dedup.features import Features, describe_few
from pipeline.dedup.links import Link, read_copies, read_links
from pipeline.dedup.matching import Picture, find_links
from pipeline.dedup.quality import flags_of, repetitions
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.progress import silent
from pipeline.settings import SetSettings

_TRIES = 5  # at writing what nobody changed meanwhile
_STAMP = 16  # digits


class OvertakenError(InputError):
    """The group is not any more as the curator saw it."""


@dataclass(frozen=True)
class Regrouped:
    """What was said of a group, and the images it was said of as they are now."""

    said: Said
    now: Vicinity


@dataclass(frozen=True)
class Group:
    """A group as a curator saw it."""

    sha256s: tuple[str, ...]
    stamp: str


def stamp_of(copies: Sequence[Copy]) -> str:
    """Return what is another one as soon as anything of a group is otherwise."""
    rows = sorted(
        (one.image.sha256, one.grouping.group_id, one.grouping.reason) for one in copies
    )
    return digest_of(repr(rows).encode()).hexdigest()[:_STAMP]


class Regrouping:
    """A set whose groups a curator corrects."""

    def __init__(
        self,
        folder: SetFolder,
        settings: SetSettings,
        catalog: Catalog,
        now: Callable[[], str],
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._catalog = catalog
        self._now = now

    def part(self, group: Group, others: Collection[str], user: str) -> Regrouped:
        """Say that some images of a group are not the same as the rest of it.

        Raises:
            OvertakenError: The group changed meanwhile.
            InputError: None of its images are left over, or none are named.
            CatalogError: An image was taken down meanwhile.
        """
        chosen = set(others) & set(group.sha256s)
        rest = set(group.sha256s) - chosen
        if not chosen or not rest or chosen != set(others):
            raise InputError(
                "name some of the group's photos, and not all of them: those that are"
                " not the same as the rest"
            )
        pairs = frozenset(_pair(one, other) for one in chosen for other in rest)
        return self._say(group, Saying(apart=pairs), user)

    def keep(self, group: Group, sha256: str, user: str) -> Regrouped:
        """Choose which image of a group is kept.

        Raises:
            OvertakenError: The group changed meanwhile.
            InputError: The image is none of the group's.
            CatalogError: An image was taken down meanwhile.
        """
        if sha256 not in group.sha256s:
            raise InputError(f"{sha256[:10]} is no photo of that group")
        return self._say(group, Saying(chosen=sha256), user)

    def undo(self, said: Said, user: str) -> Regrouped:
        """Take back what somebody said of a group.

        Raises:
            OvertakenError: It does not stand any more, or is somebody else's.
            CatalogError: An image was taken down meanwhile.
        """
        named = {sha256 for pair in said.partings for sha256 in pair}
        named |= {said.choice.sha256} if said.choice else set()
        saying = Saying(joined=frozenset(said.partings), unchosen=said.choice)
        for _ in range(_TRIES):
            was = self._vicinity(named)
            mine = {one.pair for one in was.partings if one.user == user}
            if not mine.issuperset(said.partings):
                break
            if said.choice and (
                said.choice not in was.choices or said.choice.user != user
            ):
                break
            if regrouped := self._write(was, saying, user, named):
                return regrouped
        raise OvertakenError(
            "that was taken back already, or is not yours to take back"
        )

    def _say(self, group: Group, saying: Saying, user: str) -> Regrouped:
        for _ in range(_TRIES):
            was = self._vicinity(group.sha256s)
            inside = [c for c in was.copies if c.image.sha256 in group.sha256s]
            groups = {copy.grouping.group_id for copy in inside}
            seen = [c for c in was.copies if c.grouping.group_id in groups]
            if stamp_of(seen) != group.stamp:
                break
            if regrouped := self._write(was, saying, user, group.sha256s):
                return regrouped
        raise OvertakenError("this group was changed meanwhile")

    def _vicinity(self, sha256s: Collection[str]) -> Vicinity:
        """Return some images, all that copies lead to, and who shares a group."""
        distance = self._settings.dedup.max_distance
        reached = read_copies(self._folder.cache, distance, sha256s)
        return self._catalog.groups.around(reached)

    def _write(
        self, was: Vicinity, saying: Saying, user: str, about: Collection[str]
    ) -> Regrouped | None:
        """Write what is said, and what follows; ``None`` where it was overtaken."""
        groupings = self._regrouped(was, _after(was, saying))
        groups = self._catalog.groups
        said = groups.rewrite(was, groupings, saying, user, self._now())
        return None if said is None else Regrouped(said, groups.around(about))

    def _regrouped(self, was: Vicinity, words: Words) -> list[Grouping]:
        store = ImageStore(self._folder.images)
        images = [copy.image for copy in was.copies]
        paths = [store.path(image.sha256, image.extension) for image in images]
        named = {image.sha256: path for image, path in zip(images, paths, strict=True)}
        described = describe_few(named, self._folder.cache)
        features = [described.get(image.sha256) for image in images]
        links = self._links(was, images, paths, features)
        places = arrange(images, paths, features, links, words)
        groups = {
            image.sha256: place.group
            for image, place in zip(images, places, strict=True)
        }
        shared = repetitions(groups, was.listings)
        found = []
        for copy, place, seen in zip(was.copies, places, features, strict=True):
            scores = dict(copy.grouping.scores)
            if seen is not None and "placeholder" in scores:
                score = max(seen.look["placeholder"], shared[place.group])
                scores["placeholder"] = round(score, 6)
            found.append(
                Grouping(
                    sha256=copy.image.sha256,
                    group_id=place.group,
                    kept=place.kept,
                    reason=place.reason,
                    phash=copy.grouping.phash,
                    flags=flags_of(scores) if scores else copy.grouping.flags,
                    scores=scores,
                )
            )
        return found

    def _links(
        self,
        was: Vicinity,
        images: Sequence[StoredImage],
        paths: Sequence[Path],
        features: Sequence[Features | None],
    ) -> list[Link]:
        """Return what comparing the images showed, or compare them."""
        if self._settings.dedup.enabled is not True:
            return []
        distance = self._settings.dedup.max_distance
        sha256s = [image.sha256 for image in images]
        known = read_links(self._folder.cache, distance, sha256s)
        links = [
            link
            for _, link in sorted(known.items())
            if link is not None
            and features[link.first] is not None
            and features[link.second] is not None  # can be decoded, still
        ]
        if _explain(was, sha256s, links):
            return links
        pictures = list(map(Picture, paths, features, sha256s))
        return find_links(pictures, distance, progress=silent)


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _after(was: Vicinity, saying: Saying) -> Words:
    """Return what people have said, with what is said now."""
    pairs = {parting.pair for parting in was.partings}
    pairs = (pairs - saying.joined) | saying.apart
    chosen = [one.sha256 for one in was.choices if one != saying.unchosen]
    if saying.chosen is not None:
        chosen.append(saying.chosen)
    return Words(sorted(pairs), chosen)


def _explain(was: Vicinity, sha256s: Sequence[str], links: Sequence[Link]) -> bool:
    """Tell whether chains of copies hold the groups together that there are."""
    root = {sha256: sha256 for sha256 in sha256s}

    def find(sha256: str) -> str:
        while root[sha256] != sha256:
            sha256 = root[sha256]
        return sha256

    for link in links:
        if link.is_copy:
            root[find(sha256s[link.first])] = find(sha256s[link.second])
    return all(
        len({find(copy.image.sha256) for copy in copies}) == 1
        for copies in was.groups.values()
    )
