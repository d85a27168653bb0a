//! How parameters are read: finite numbers, with errors that say which parameter it is and what it may be.
//!
//! By hand where a table may stand for a number: an untagged enum reads arrays by position too, and its
//! errors say nothing of what is wrong.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A number, or a table of more parameters.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Form<T> {
    Number(f64),
    Table(T),
}

impl<'de, T: Deserialize<'de>> Form<T> {
    /// Reads either; `expected` says in words what they are.
    pub(super) fn read<D: Deserializer<'de>>(from: D, expected: &'static str) -> Result<Self, D::Error> {
        from.deserialize_any(FormVisitor { expected, table: PhantomData })
    }
}

struct FormVisitor<T> {
    expected: &'static str,
    table: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for FormVisitor<T> {
    type Value = Form<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Form<T>, E> {
        // JSON writes the others as `null`, which no reader takes.
        match number.is_finite() {
            true => Ok(Form::Number(number)),
            false => Err(E::invalid_value(Unexpected::Float(number), &self)),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Form<T>, E> {
        Ok(Form::Number(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Form<T>, E> {
        Ok(Form::Number(number as f64))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Form<T>, A::Error> {
        let table = T::deserialize(MapAccessDeserializer::new(map));
        table
            .map(Form::Table)
            .map_err(|error| A::Error::custom(format!("{error}; expected {}", self.expected)))
    }
}

/// Where there is a number only.
#[derive(Deserialize)]
enum NoTable {}

macro_rules! numbers {
    ($($name:ident),*) => {$(
        #[doc = concat!("Reads a finite number that is called `", stringify!($name), "`.")]
        pub fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
            let expected = concat!("for `", stringify!($name), "` a finite number such as 0.25, without quotes");
            match Form::<NoTable>::read(from, expected)? {
                Form::Number(number) => Ok(number),
                Form::Table(none) => match none {},
            }
        }
    )*};
}
numbers!(alpha, beta, epsilon, gamma);
