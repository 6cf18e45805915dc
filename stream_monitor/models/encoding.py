"""Models of river as plain values, and back: a graph of objects whose classes are all on a list.

Nothing is unpickled and nothing is imported by a name that is read: a class that is not on the list is an error both ways.
"""

from __future__ import annotations

import collections
import functools
import random
import statistics
from collections.abc import Callable, Iterable
from typing import Any

from river import drift, dummy, linear_model, multiclass, naive_bayes, optim, proba, stats, tree, utils
from river.__version__ import __version__
from river._river_rust.drift import AdaptiveWindowing
from river.tree.nodes import branch, hatc_nodes, hatr_nodes, htc_nodes, htr_nodes
from river.tree.splitter import QOSplitter, qo_splitter

from stream_monitor.models import failure, learners
from stream_monitor.models.failure import Unreadable
from stream_monitor.models.river_models import UNUSED, Numbers

READ = 10_000_000
"""Values that a state may have; far more than a model can come to between two times that it is weighed."""
_TUPLE = -1
_LARGEST_SIZE = 1_000
"""Of an `AdaptiveWindowing`, whose clock of 32 is the largest that is in use."""
_PLAIN = (type(None), bool, int, float, str)
_LISTED: tuple[type, ...] = (
    learners.Scale, learners.Classifier, learners.Regressor, learners.Mean, Numbers,
    linear_model.LogisticRegression, linear_model.LinearRegression, multiclass.OneVsRestClassifier, naive_bayes.GaussianNB,
    dummy.NoChangeClassifier, dummy.PriorClassifier, stats.Mean, stats.Var, proba.Gaussian, drift.ADWIN,
    optim.SGD, optim.losses.Log, optim.losses.Squared, optim.schedulers.Constant, optim.initializers.Zeros,
    tree.HoeffdingTreeClassifier, tree.HoeffdingAdaptiveTreeClassifier,
    tree.HoeffdingTreeRegressor, tree.HoeffdingAdaptiveTreeRegressor,
    branch.NumericBinaryBranch, htc_nodes.LeafNaiveBayesAdaptive, htr_nodes.LeafAdaptive,
    hatc_nodes.AdaLeafClassifier, hatc_nodes.AdaNumBinaryBranchClass,
    hatr_nodes.AdaLeafRegAdaptive, hatr_nodes.AdaNumBinaryBranchReg,
    QOSplitter, qo_splitter.FeatureQuantizer, qo_splitter.Slot,
    list, dict, set, collections.Counter, collections.defaultdict,
    utils.VectorDict, random.Random, AdaptiveWindowing, statistics.NormalDist,
)  # fmt: skip
_NAMES = {kind: f"{kind.__module__}.{kind.__qualname__}" for kind in _LISTED}
_CLASSES = {name: kind for kind, name in _NAMES.items()}
_MAPPINGS = (dict, collections.Counter)


class TooLarge(ValueError):
    """A model of more values than allowed."""


def encoded(model: object, limit: int = 2**62) -> dict[str, Any]:
    """A model as numbers, texts, bytes, lists and dicts; raises TooLarge where it has more values than the limit.

    Objects are numbered as they are met, so that what is shared, or goes round in a circle, is there once.  An object is the
    number of its shape (class and attributes) and its values; a list of one number stands for an object.
    """
    return _Writing(limit).of(model)


def decoded(state: Any, like: object = None) -> Any:
    """The model of an `encoded` state; raises Unreadable, also where it is not made of what another consists of."""
    if not isinstance(state, dict):
        raise Unreadable(f"its state is of type {type(state).__name__}")
    if state.get("river") != __version__:
        raise Unreadable(f"learnt with river {state.get('river')}, and this is {__version__}")
    try:
        made = _Reading(state).of(state["objects"])
    except Unreadable:
        raise
    except BaseException as error:
        if not failure.of_model(error):
            raise
        raise Unreadable(f"{type(error).__name__}: {error}") from None
    if like is not None:
        _compare(made, like, set())
    return made


class _Writing:
    def __init__(self, limit: int) -> None:
        self._limit, self._values = limit, 0
        self._numbers: dict[int, int] = {}
        self._met: list[object] = []
        self._shapes: dict[tuple[str, ...], int] = {}

    def of(self, model: object) -> dict[str, Any]:
        self._value(model)
        objects = [self._object(each) for each in self._met]  # grows while it is read
        return {"river": __version__, "shapes": [list(shape) for shape in self._shapes], "objects": objects}

    def _value(self, value: object) -> Any:
        self._values += 1
        if type(value) in _PLAIN:
            return value
        if type(value) is tuple:
            return [_TUPLE, *map(self._value, value)]
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._met)
            self._met.append(value)
        return [number]

    def _object(self, each: object) -> list[Any]:
        kind = type(each)
        if kind not in _NAMES:
            raise TypeError(f"{kind.__module__}.{kind.__qualname__} is not on the list")
        attributes, values = _taken_apart(each)
        shape = self._shapes.setdefault((_NAMES[kind], *attributes), len(self._shapes))
        row = [shape, *(value if type(value) is bytes else self._value(value) for value in values)]
        if self._values > self._limit:
            raise TooLarge(f"more than {self._limit} values")
        return row


def _taken_apart(each: Any) -> tuple[Iterable[str], Iterable[Any]]:
    """The attributes of an object that make its shape, and its values."""
    kind = type(each)
    if kind in _MAPPINGS or kind is utils.VectorDict:
        return (), (part for pair in each.items() for part in pair)
    if kind is collections.defaultdict:
        return (_factory_name(each.default_factory),), (part for pair in each.items() for part in pair)
    if kind in (list, set):
        return (), each if kind is list else sorted(each)
    if kind is random.Random:
        return (), each.getstate()
    if kind is AdaptiveWindowing:
        return (), (*each.__getnewargs__(), each.__getstate__())
    if kind is statistics.NormalDist:
        return (), (each.mean, each.stdev)
    names = _SLOTS if kind is qo_splitter.Slot else [name for name in each.__dict__ if name not in _LEFT_OUT.get(kind, ())]
    return names, [getattr(each, name) if kind is qo_splitter.Slot else each.__dict__[name] for name in names]


def _compare(made: object, like: object, met: set[int]) -> None:
    """Raises Unreadable where what is made lacks what a model that knows nothing consists of, or has another class there."""
    if type(made) is not type(like):
        raise Unreadable(f"it has {type(made).__name__} where {type(like).__name__} is expected")
    if id(like) in met:
        return
    met.add(id(like))
    for name, part in getattr(like, "__dict__", {}).items():
        if type(part) in _NAMES:
            _compare(getattr(made, name, None), part, met)


class _Reading:
    def __init__(self, state: dict[str, Any]) -> None:
        self._left = READ
        self._shapes = [(_CLASSES[name], attributes) for name, *attributes in state["shapes"]]
        self._made: list[Any] = []

    def of(self, objects: list[list[Any]]) -> Any:
        self._count(sum(map(len, objects)))
        split = [(*self._shapes[shape], values) for shape, *values in objects]
        self._made = [_empty(*each) for each in split]
        for made, each in zip(self._made, split, strict=True):
            self._fill(made, *each)
        return self._made[0]

    def _value(self, value: Any) -> Any:
        if not isinstance(value, list):
            if type(value) not in _PLAIN:
                raise Unreadable(f"it has a value of type {type(value).__name__}")
            return value
        self._count(len(value))
        first, *rest = value
        return tuple(map(self._value, rest)) if first == _TUPLE else self._made[first]

    def _count(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise Unreadable(f"it has more than {READ:,} values")

    def _fill(self, made: Any, kind: Any, attributes: list[str], values: list[Any]) -> None:
        if kind is AdaptiveWindowing:
            made.__setstate__(values[-1])
            return
        values = [self._value(value) for value in values]
        if kind in _PAIRED:
            for key, value in zip(values[::2], values[1::2], strict=True):
                made[key] = value
        elif kind is list:
            made.extend(values)
        elif kind is set:
            made.update(values)
        elif kind is random.Random:
            made.setstate(tuple(values))
        elif kind is not statistics.NormalDist:
            for name, value in zip(attributes, values, strict=True):
                object.__setattr__(made, name, value)
            _complete(made)


def _empty(kind: Any, attributes: list[str], values: list[Any]) -> Any:
    """An object of a class, to be filled; what is only made whole is whole already."""
    if kind is AdaptiveWindowing:
        delta, *sizes, _ = values
        if not all(0 <= size <= _LARGEST_SIZE for size in sizes):
            raise Unreadable(f"AdaptiveWindowing of sizes {sizes}")
        return AdaptiveWindowing(delta, *sizes)
    if kind is statistics.NormalDist:
        return statistics.NormalDist(*values)
    if kind is collections.defaultdict:
        return collections.defaultdict(_FACTORIES[attributes[0]])
    return kind() if kind in _BUILT_EMPTY else kind.__new__(kind)


def _complete(made: Any) -> None:
    """Gives an object what is left out of the state."""
    if type(made) is proba.Gaussian:
        made._rng = UNUSED
    elif type(made) is qo_splitter.Slot:
        made._update_estimator = made._update_estimator_univariate


def _factory_name(factory: Any) -> str:
    for name, known in _FACTORIES.items():
        if factory is known or (isinstance(factory, functools.partial) and name == "gaussians"):
            return name
    raise TypeError(f"{factory!r} is not on the list")


_LEFT_OUT: dict[type, tuple[str, ...]] = {proba.Gaussian: ("_rng",)}
_SLOTS = ("x_stats", "y_stats", "is_single_target")
_PAIRED = (*_MAPPINGS, collections.defaultdict, utils.VectorDict)
_BUILT_EMPTY = (list, set, random.Random, *_MAPPINGS, utils.VectorDict)
_FACTORIES: dict[str, Callable[[], Any]] = {
    "gaussian": naive_bayes.GaussianNB._make_gaussian,
    "gaussians": functools.partial(collections.defaultdict, naive_bayes.GaussianNB._make_gaussian),
}
