//! Texts that mean the same.

use unicode_normalization::UnicodeNormalization;

/// A name as it is compared: in Unicode's composed form (NFC), without space around it. What looks
/// the same on two systems is then the same.
pub(crate) fn normal(name: &str) -> String {
    name.trim().nfc().collect()
}

/// Whether two names mean the same: up to Unicode's composed form and to space around them.
#[must_use]
pub fn same_name(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

#[cfg(test)]
mod tests {
    use super::{normal, same_name};

    #[test]
    fn what_looks_the_same_is_the_same() {
        assert_eq!(normal(" Zo\u{65}\u{308}\t"), "Zo\u{eb}");
        assert!(same_name("Zo\u{eb}", "Zo\u{65}\u{308} "));
        assert!(!same_name("Zoe", "Zo\u{eb}"));
    }
}
