"""Checks of the slices that rules and comparisons speak of: whether any slicing spec can make them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from evaluator_component.config.paths import FieldError, MapKey, Path, render
from evaluator_component.config.slice_values import meaning
from evaluator_component.config.slices import all_specs, filter_name, named_features, rule_specs, specs_of_pairs
from evaluator_component.errors import nearest
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.names import mean_the_same
from evaluator_component.slicing.nearest import nearest_slice
from evaluator_component.slicing.values import FEATURE, MISSING, OTHER, Values, read_values

_NUMBERS = ("int", "float")
_SHOWN = 20
_ITSELF = "this spec"


@dataclass(frozen=True)
class _Maker:
    """A spec whose slices a rule's spec can mean.

    Attributes:
        where: How a message calls it.
        spec: It.
        opaque: Whether it is SQL, which can make anything.
    """

    where: str
    spec: config_pb2.SlicingSpec
    opaque: bool = False

    def values(self, feature: str) -> Values:
        """Where the values of one of its features come from and how they are grouped."""
        message = next((one for one in self.spec.values if one.feature == feature), None)
        return Values(feature) if message is None else read_values(message, "")

    def can_make(self, feature: str, text: str, numbers: bool) -> bool:
        """Whether some slice of the feature can be called so."""
        chosen = self.spec.feature_values.get(feature, "")
        named = self.values(feature).can_be_named
        if chosen:
            return mean_the_same(chosen, text) and named(chosen, numbers)
        return named(text, numbers)

    def told(self, feature: str, numbers: bool) -> str:
        """What it makes of the feature, for a message."""
        chosen, values = self.spec.feature_values.get(feature, ""), self.values(feature)
        made = values.slices_told() + ", which are numbers" * (numbers and values.is_exact)
        if not chosen:
            return f"{self.where} makes {made}"
        if values.can_be_named(chosen, numbers):
            return f"{self.where} makes only {chosen!r}"
        return f"{self.where} makes nothing, as {chosen!r} is none of {made}"

    def names(self, feature: str, text: str, numbers: bool) -> Collection[str]:
        """The names of slices of the feature that a text could have been meant for."""
        chosen, values = self.spec.feature_values.get(feature, ""), self.values(feature)
        if chosen:
            return [chosen] if values.can_be_named(chosen, numbers) else []
        prefix = f"{text[: values.prefix]}*"
        begins = values.prefix and text != OTHER.text and values.can_be_named(prefix, numbers)
        return (*values.known_names, prefix) if begins else values.known_names


def check_rule_slices(config: config_pb2.EvalConfig, kinds: Mapping[str, str] | None = None) -> None:
    """Raises a ConfigError for a rule, or a comparison, whose slices are never made.

    Args:
        config: A config whose slicing specs are sound.
        kinds: What features of the data hold: "string", "int" or "float", as far as that is known.
    """
    numbers = _numbers(config, kinds or {})
    for path, spec in rule_specs(config):
        if not (named_features(spec) or spec.filter) or spec.slice_keys_sql:
            continue
        makers = _makers(config, spec)
        if not makers:
            raise _never_made(spec, config, path)
        _check_named(spec, path, makers, numbers)
    for path, spec in specs_of_pairs(config):
        if spec.feature_values:  # what is compared is made, also where slicing_specs does not name it
            _check_named(spec, path, [*_makers(config, spec), _itself(spec)], numbers)


def slices_left_open(config: config_pb2.EvalConfig) -> Iterator[str]:
    """Tells of rules for slices that are there only if the data has them: quantiles, and most frequent values."""
    for path, spec in itertools.chain(rule_specs(config), specs_of_pairs(config)):
        for feature, text in sorted(spec.feature_values.items()):
            makers = [maker for maker in _makers(config, spec) if maker.opaque or maker.can_make(feature, text, False)]
            of_feature = [maker.values(feature) for maker in makers if not maker.opaque]
            if not of_feature or len(of_feature) < len(makers):
                continue
            if all((one.quantiles or one.top) and text not in one.known_names for one in of_feature):
                told = "; ".join(maker.told(feature, False) for maker in makers)
                where = render((*path, "feature_values", MapKey(feature)))
                yield (
                    f"{where}: {text!r} is a slice only if the data makes it one: {told}; if not, gate.missing_slice "
                    "says what that means. feature_keys covers all that are found; those of an earlier run, in its "
                    "evaluator_config.json, are not looked for again"
                )


def _numbers(config: config_pb2.EvalConfig, kinds: Mapping[str, str]) -> set[str]:
    """The features whose values are known to be numbers."""
    described = [read_values(one, "") for _, spec in all_specs(config) for one in spec.values]
    derived = {values.feature for values in described if values.source != FEATURE}
    of_data = {feature for feature, kind in kinds.items() if kind in _NUMBERS} - derived
    return of_data | {values.feature for values in described if values.is_bucketed}


def _check_named(
    spec: config_pb2.SlicingSpec, path: Path, makers: Collection[_Maker], numbers: Collection[str]
) -> None:
    """Every value or group that a spec names must be one that one of the specs can make, all of them together."""
    failing = {maker.where: _cannot_make(maker, spec, numbers) for maker in makers}
    if not all(failing.values()):
        return
    feature = max(sorted(spec.feature_values), key=lambda name: sum(name in own for own in failing.values()))
    text = spec.feature_values[feature]
    blamed = [maker for maker in makers if feature in failing[maker.where]]
    blamed = [maker for maker in blamed if maker.where != _ITSELF] or blamed
    known = {name for maker in blamed for name in maker.names(feature, text, feature in numbers)}
    nearest_one = nearest_slice(text, known)
    told = "; ".join(maker.told(feature, feature in numbers) for maker in blamed[:_SHOWN])
    if nearest_one:
        step = f"did you mean {nearest_one!r}?"
    elif text == MISSING.text:
        step = f"for the examples without a value, add missing: true to the values of {blamed[0].where}"
    elif any(maker.values(feature).quantiles or maker.values(feature).top for maker in blamed):
        step = f"cover them all with feature_keys: [{feature}], or write edges of your own"
    else:
        step = "name one that is made, or write values that make it"
    problem = f"no slice of {feature} is called {text!r}: {told}; {step}"
    raise FieldError((*path, "feature_values", MapKey(feature)), problem)


def _cannot_make(maker: _Maker, spec: config_pb2.SlicingSpec, numbers: Collection[str]) -> list[str]:
    """The features whose named values a maker cannot make."""
    if maker.opaque:
        return []
    named = spec.feature_values.items()
    return [feature for feature, text in named if not maker.can_make(feature, text, feature in numbers)]


def _itself(spec: config_pb2.SlicingSpec) -> _Maker:
    """A spec of slices that are compared, as what makes them; the values that it names are what is to be checked."""
    own = config_pb2.SlicingSpec()
    own.CopyFrom(spec)
    own.ClearField("feature_values")
    return _Maker(_ITSELF, own)


def _makers(config: config_pb2.EvalConfig, wanted: config_pb2.SlicingSpec) -> list[_Maker]:
    """The entries of ``slicing_specs`` that make slices which a rule's spec can mean, whatever values it names."""
    found = []
    for index, made in enumerate(config.slicing_specs):
        known = {values.feature: meaning(values) for values in made.values}
        if (
            _made_features(made, index) == named_features(wanted)
            and _filter(made) == _filter(wanted)
            and all(known.get(values.feature) == meaning(values) for values in wanted.values)
        ):
            found.append(_Maker(f"slicing_specs[{index}]", made, bool(made.slice_keys_sql)))
    return found


def _made_features(spec: config_pb2.SlicingSpec, index: int) -> list[str]:
    """The features of the slices that a spec makes."""
    if not spec.slice_keys_sql:
        return named_features(spec)
    from evaluator_component.slicing.sql_slices import read_sql

    return list(read_sql(spec.slice_keys_sql, f"slicing_specs[{index}].slice_keys_sql").keys)


def _filter(spec: config_pb2.SlicingSpec) -> tuple[str, str]:
    """A spec's filter and its name; two empty texts without one."""
    return spec.filter.strip(), filter_name(spec)


def _never_made(spec: config_pb2.SlicingSpec, config: config_pb2.EvalConfig, path: Path) -> FieldError:
    """What is wrong with a rule whose features, filter or values no slicing spec has."""
    features = named_features(spec)
    filters = {_filter(made): f"slicing_specs[{i}]" for i, made in enumerate(config.slicing_specs) if made.filter}
    if spec.filter and _filter(spec) not in filters:
        return _other_filter(spec, filters, path)
    what = f"slices of {' and '.join(features)}" if features else "the slice of all examples"
    if spec.filter:
        what += f" with the filter {_told(*_filter(spec))}"
    made = [(_made_features(made, index), made) for index, made in enumerate(config.slicing_specs)]
    if spec.values and any(own == features and _filter(one) == _filter(spec) for own, one in made):
        step = "write values as in the entry that makes them"
        return FieldError(path, f"no entry of slicing_specs makes {what} from these values; {step}")
    others = [one for own, one in made if own == features and features]
    if others:
        shown = dict.fromkeys(f"the filter {_told(*_filter(one))}" if one.filter else "no filter" for one in others)
        hint = f"there are some with {' and '.join(shown)}; write the same in the rule if these are meant"
    else:
        known = [own for own, one in made if _filter(one) == _filter(spec)]
        hint = nearest((features or [""])[0], itertools.chain(*known))
        if spec.filter:
            of = dict.fromkeys(f"slices of {' × '.join(own)}" if own else "the slice of all examples" for own in known)
            hint = f"with it there {'are' if any(known) else 'is'} {' and '.join(of)}"
    return FieldError(path, f"no entry of slicing_specs makes {what}; add one" + (f" ({hint})" if hint else ""))


def _other_filter(spec: config_pb2.SlicingSpec, filters: Mapping[tuple[str, str], str], path: Path) -> FieldError:
    """What is wrong with a filter that no slicing spec has: expression and name must both be the same."""
    expression, name = _filter(spec)
    for (other, its_name), where in filters.items():
        if other == expression:
            step = f"write filter_name: {its_name} here too" if its_name != other else "leave filter_name out here too"
            problem = f"the filter {expression!r} is called {its_name!r} in {where}; {step}"
            return FieldError((*path, "filter_name"), problem)
    problem = f"no entry of slicing_specs has the filter {_told(expression, name)}"
    if not filters:
        return FieldError((*path, "filter"), f"{problem}, and none has any; add a spec with it there")
    known = [*filters.items()]
    listed = "; ".join(f"{_told(*one)} in {where}" for one, where in known[:_SHOWN]) + "; …" * (len(known) > _SHOWN)
    step = "write the same filter and filter_name as one of them, or add a spec with this filter to slicing_specs"
    if name in (its_name for _, its_name in filters):
        step += " under another name"
    return FieldError((*path, "filter"), f"{problem}; there is {listed}; {step}")


def _told(expression: str, name: str) -> str:
    """A filter with its name, if it has one."""
    return repr(expression) if name == expression else f"{expression!r} (filter_name {name!r})"
