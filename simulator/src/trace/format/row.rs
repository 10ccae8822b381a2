//! What a row of a table is: a struct whose columns are known by name, type and meaning, so that the
//! format's page can be held against them. Columns that are not known are kept as they are.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sparkwright::model::requirement::Labels;

use super::anonymise::Names;

/// Columns of a row that the format does not name.
pub type Rest = BTreeMap<String, Value>;

/// A row of one of the tables.
pub trait Row: Serialize + DeserializeOwned {
    /// The table's name, which is its file's.
    const TABLE: &'static str;
    /// Its columns, in the order in which they are written.
    const COLUMNS: &'static [Column];

    /// Puts names that mean nothing in the place of those that do.
    fn anonymise(&mut self, names: &Names);
}

/// A column as the format's page tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, which ends in the unit where it has one.
    pub name: &'static str,
    /// `text`, `integer` and the like.
    pub kind: &'static str,
    /// True where every row has a value.
    pub needed: bool,
    /// What it means and what fills it.
    pub meaning: &'static str,
}

/// A type that a column can have.
pub trait Cell {
    /// What the format's page calls it.
    const KIND: &'static str;

    /// True where nothing is known; such a column is left out of the line.
    fn is_unknown(&self) -> bool {
        false
    }
}

macro_rules! cells {
    ($($type:ty => $kind:literal),+ $(,)?) => {$(
        impl Cell for $type {
            const KIND: &'static str = $kind;
        }
    )+};
}

cells! {
    String => "text",
    i64 => "integer",
    u64 => "integer",
    u32 => "integer",
    bool => "true or false",
    Value => "object",
}

impl<T: Cell> Cell for Option<T> {
    const KIND: &'static str = T::KIND;

    fn is_unknown(&self) -> bool {
        self.is_none()
    }
}

impl<T> Cell for Vec<T> {
    const KIND: &'static str = "list";

    fn is_unknown(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Cell for BTreeMap<K, V> {
    const KIND: &'static str = "map";

    fn is_unknown(&self) -> bool {
        self.is_empty()
    }
}

impl Cell for Labels {
    const KIND: &'static str = "map";

    fn is_unknown(&self) -> bool {
        self.is_empty()
    }
}

/// A table: its row's struct, and its columns with the same names and docstrings. `needed` columns come
/// first; every other one may be null, which is also what its absence means.
macro_rules! table {
    (
        $(#[$about:meta])*
        $name:ident in $table:literal {
            needed { $($(#[doc = $needed_doc:literal])+ $needed:ident: $needed_type:ty,)+ }
            known { $($(#[doc = $doc:literal])+ $column:ident: $type:ty,)* }
        }
        anonymise($row:ident, $names:ident) $body:block
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[doc = $needed_doc])+ pub $needed: $needed_type,)+
            $(
                $(#[doc = $doc])+
                #[serde(default, skip_serializing_if = "crate::trace::format::row::Cell::is_unknown")]
                pub $column: $type,
            )*
            /// Columns that the format does not name, kept as they are.
            #[serde(flatten)]
            pub rest: crate::trace::format::row::Rest,
        }

        impl crate::trace::format::row::Row for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [crate::trace::format::row::Column] = &[
                $(crate::trace::format::row::Column {
                    name: stringify!($needed),
                    kind: <$needed_type as crate::trace::format::row::Cell>::KIND,
                    needed: true,
                    meaning: concat!($($needed_doc),+),
                },)+
                $(crate::trace::format::row::Column {
                    name: stringify!($column),
                    kind: <$type as crate::trace::format::row::Cell>::KIND,
                    needed: false,
                    meaning: concat!($($doc),+),
                },)*
            ];

            fn anonymise(&mut self, $names: &crate::trace::format::anonymise::Names) {
                let $row = self;
                $body
            }
        }
    };
}

pub(super) use table;
