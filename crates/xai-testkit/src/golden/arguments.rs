//! The arguments of layers, rules and methods, as the manifest has them.

use burn::nn::{PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::error::{GoldenError, Place};

/// The arguments of a layer, rule or method. Each is taken once, so that one which nothing takes
/// is noticed.
#[derive(Debug)]
pub(super) struct Arguments {
    place: Place,
    rest: Map<String, Json>,
}

/// A number for all spatial axes, or one for each.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number, or one for each axis")]
enum Sizes {
    All(usize),
    Each(Vec<usize>),
}

/// What modules keep one number for each of `N` axes in.
pub(super) trait Axes<const N: usize> {
    fn of(sizes: [usize; N]) -> Self;
}

impl<const N: usize> Axes<N> for [usize; N] {
    fn of(sizes: Self) -> Self {
        sizes
    }
}

macro_rules! axes {
    ($($axes:literal $type:ty: $sizes:pat => $value:expr;)*) => {
        $(impl Axes<$axes> for $type {
            fn of($sizes: [usize; $axes]) -> Self {
                $value
            }
        })*
    };
}
axes! {
    1 usize: [size] => size;
    1 PaddingConfig1d: [size] => Self::Explicit(size, size);
    2 PaddingConfig2d: [height, width] => Self::Explicit(height, width, height, width);
    3 PaddingConfig3d: [depth, height, width] => Self::Explicit(depth, height, width);
}

impl Arguments {
    pub(super) fn new(place: Place, given: &Map<String, Json>) -> Self {
        Self { place, rest: given.clone() }
    }

    /// An argument, if it is there.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, GoldenError> {
        let given = self.rest.remove(name).filter(|given| !given.is_null());
        let read = |json: Json| {
            let text = json.to_string();
            serde_json::from_value(json).map_err(|error| self.error(name, format!("is {text}: {error}")))
        };
        given.map(read).transpose()
    }

    /// An argument that must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, GoldenError> {
        self.take(name)?.ok_or_else(|| self.error(name, "is missing"))
    }

    /// An argument or, where it is absent, its default.
    pub(super) fn or<T: DeserializeOwned>(&mut self, name: &str, default: T) -> Result<T, GoldenError> {
        Ok(self.take(name)?.unwrap_or(default))
    }

    /// One number for each of `N` axes.
    pub(super) fn sizes<const N: usize, S: Axes<N>>(
        &mut self,
        name: &str,
        default: Option<usize>,
    ) -> Result<S, GoldenError> {
        let sizes = match self.take(name)?.or(default.map(Sizes::All)) {
            None => return Err(self.error(name, "is missing")),
            Some(Sizes::All(size)) => Ok([size; N]),
            Some(Sizes::Each(sizes)) => sizes.try_into(),
        };
        sizes.map(S::of).map_err(|sizes: Vec<usize>| {
            self.error(name, format!("is {sizes:?}, not one number for each of {N} axes"))
        })
    }

    /// Whether an argument is there and not yet taken.
    pub(super) fn has(&self, name: &str) -> bool {
        self.rest.get(name).is_some_and(|given| !given.is_null())
    }

    /// Gives an argument that is absent the value of another.
    pub(super) fn default_to(&mut self, name: &str, other: &str) {
        if !self.has(name)
            && let Some(given) = self.rest.get(other)
        {
            self.rest.insert(name.to_owned(), given.clone());
        }
    }

    /// Takes an argument that the weights say again.
    pub(super) fn same(&mut self, name: &str, in_weights: &[usize]) -> Result<(), GoldenError> {
        let given = match self.take(name)? {
            None => return Ok(()),
            Some(Sizes::All(size)) => vec![size; in_weights.len()],
            Some(Sizes::Each(sizes)) => sizes,
        };
        match given == in_weights {
            true => Ok(()),
            false => Err(self.error(name, format!("is {given:?}, but {in_weights:?} in the weights"))),
        }
    }

    /// Refuses arguments that nothing took.
    pub(super) fn finish(&self) -> Result<(), GoldenError> {
        match self.rest.iter().next() {
            None => Ok(()),
            Some((name, value)) => Err(self.error(name, format!("(= {value}) is not known here"))),
        }
    }

    /// What is wrong with an argument.
    pub(super) fn error(&self, argument: &str, problem: impl Into<String>) -> GoldenError {
        let (place, argument) = (self.place.clone(), argument.to_owned());
        GoldenError::Argument { place, argument, problem: problem.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(json: &str) -> Arguments {
        let (network, node, op) = (Some("net".to_owned()), "conv1".to_owned(), "Conv2d".to_owned());
        Arguments::new(Place::Layer { network, node, op }, &serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_size_is_a_number_or_a_list() {
        let mut arguments = arguments(r#"{"kernel_size": 3, "stride": [2, 1], "dilation": null}"#);
        assert_eq!(arguments.sizes::<2, [usize; 2]>("kernel_size", None).unwrap(), [3, 3]);
        assert_eq!(arguments.sizes::<2, [usize; 2]>("stride", None).unwrap(), [2, 1]);
        assert_eq!(arguments.sizes::<1, usize>("dilation", Some(1)).unwrap(), 1);
        arguments.finish().unwrap();
    }

    #[test]
    fn errors_name_network_node_and_argument() {
        let given = || arguments(r#"{"stride": "two", "padding": [1], "causal": true}"#);
        let errors = [
            given().sizes::<2, [usize; 2]>("stride", None).unwrap_err(),
            given().sizes::<2, [usize; 2]>("padding", None).unwrap_err(),
            given().same("padding", &[2]).unwrap_err(),
            given().required::<usize>("groups").unwrap_err(),
            arguments(r#"{"causal": true}"#).finish().unwrap_err(),
        ];
        let messages = [
            "`stride` is \"two\": expected a number, or one for each axis",
            "`padding` is [1], not one number for each of 2 axes",
            "`padding` is [1], but [2] in the weights",
            "`groups` is missing",
            "`causal` (= true) is not known here",
        ];
        for (error, message) in errors.iter().zip(messages) {
            assert_eq!(error.to_string(), format!("node `conv1` of network `net`, a `Conv2d`: {message}"));
        }
    }
}
