//! What a manifest lists, as bytes.

use crate::digest::Digest;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// What is written as so many bytes.
pub(super) trait Item: Copy {
    /// How many: a divisor of a page's.
    const SIZE: usize;
    fn write(self, to: &mut Vec<u8>);
    /// From exactly as many.
    fn read(from: &[u8]) -> Option<Self>;
}

impl Item for Digest {
    const SIZE: usize = 32;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_bytes());
    }

    fn read(from: &[u8]) -> Option<Self> {
        <[u8; 32]>::try_from(from).ok().map(Self::from)
    }
}

impl Item for u32 {
    const SIZE: usize = 4;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn read(from: &[u8]) -> Option<Self> {
        from.try_into().ok().map(Self::from_le_bytes)
    }
}

impl Item for u64 {
    const SIZE: usize = 8;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn read(from: &[u8]) -> Option<Self> {
        from.try_into().ok().map(Self::from_le_bytes)
    }
}

/// Items one after another, as one string of bytes.
pub(super) struct Packed<T>(pub Vec<T>);

impl<T: Item> Packed<T> {
    pub fn bytes(items: &[T]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(items.len() * T::SIZE);
        items.iter().for_each(|item| item.write(&mut bytes));
        bytes
    }
}

impl<T: Item> Serialize for Packed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&Self::bytes(&self.0))
    }
}

impl<'de, T: Item> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes<T>(PhantomData<T>);
        impl<T: Item> Visitor<'_> for Bytes<T> {
            type Value = Packed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "items of {} bytes each", T::SIZE)
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Packed<T>, E> {
                let items: Option<Vec<T>> = bytes.chunks(T::SIZE).map(T::read).collect();
                items
                    .map(Packed)
                    .ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Packed<T>, E> {
                self.visit_bytes(&bytes)
            }
        }
        deserializer
            .deserialize_byte_buf(Bytes(PhantomData))
            .map_err(D::Error::custom)
    }
}
