//! The bytes that are signed.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// What precedes the document in the signed bytes, so that a signature means nothing elsewhere.
const CONTEXT: &[u8] = b"rescind-certificate-2\n";

/// A document that cannot be read or put into canonical form.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON document a certificate can be: {0}; use the file as it was released")]
pub struct CanonicalError(#[from] serde_json::Error);

/// The line `rescind-certificate-2` and a line feed, then the document without its member
/// `signature` in the canonical form of RFC 8785: members sorted, no white space, numbers as
/// ECMAScript prints them.
pub(crate) fn signed_bytes(document: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut document = document.clone();
    if let Value::Object(members) = &mut document {
        members.remove("signature");
    }
    let mut bytes = CONTEXT.to_vec();
    bytes.extend(canonical(&document)?);
    Ok(bytes)
}

/// RFC 8785.
pub(crate) fn canonical(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    Ok(serde_json_canonicalizer::to_vec(value)?)
}

/// Reads JSON, refusing a member that occurs twice: readers would disagree about its value.
pub(crate) fn parse_strictly(bytes: &[u8]) -> Result<Value, CanonicalError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if all.contains_key(&name) {
                return Err(A::Error::custom(format!("member {name:?} occurs twice")));
            }
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_form_is_that_of_rfc_8785() {
        let document = r#"{"signature": "x", "b": [1.0, 1e21, 0.1, 1e-7, 5e-324], "a": {"ö": null, "z": "\n"}}"#;
        let bytes = signed_bytes(&parse_strictly(document.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "rescind-certificate-2\n{\"a\":{\"z\":\"\\n\",\"ö\":null},\"b\":[1,1e+21,0.1,1e-7,5e-324]}"
        );
    }

    #[test]
    fn members_that_occur_twice_are_refused() {
        for twice in [
            r#"{"a": 1, "a": 1}"#,
            r#"[{"b": {"c": 1, "d": 2, "c": 3}}]"#,
        ] {
            let error = parse_strictly(twice.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("occurs twice"), "{error}");
        }
        assert!(parse_strictly(b"{\"a\": [1, true, null, -2, 0.5, \"x\"]}").is_ok());
        assert!(parse_strictly(b"{} {}").is_err());
    }
}
