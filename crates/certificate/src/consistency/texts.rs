//! Texts that readers see.

use super::collector::Collector;
use crate::identity::PACKAGE;
use crate::printable::{escaped, is_name, says_something};
use crate::record::Certificate;
use serde_json::Value;

/// The longest text, in characters.
const LONGEST: usize = 200;

/// Every text of a certificate, names of settings included, says something on one line: none can pass
/// for a line of a report, or hide one, or leave a reader with nothing.
pub fn say_something(certificate: &Certificate, all: &mut Collector) {
    // What cannot be written down is found by the check of its figures.
    if let Ok(document) = serde_json::to_value(certificate) {
        walk(&document, String::new(), all);
    }
}

fn walk(value: &Value, pointer: String, all: &mut Collector) {
    match value {
        Value::String(text) => require(text, pointer, all),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, format!("{pointer}/{index}"), all);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                require(name, pointer.clone(), all);
                walk(member, format!("{pointer}/{name}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn require(text: &str, field: String, all: &mut Collector) {
    all.require(
        says_something(text, LONGEST),
        field,
        escaped(text),
        format!(
            "1 to {LONGEST} characters on one line without control characters or blanks but single \
             spaces between others, a letter or a digit among them"
        ),
        "anything else changes what a reader sees around it, or tells nothing",
    );
}

/// Processors, as `std::env::consts::ARCH` names them.
const PROCESSORS: &str = "aarch64 amdgpu arm arm64ec avr bpf csky hexagon loongarch32 loongarch64 m68k mips mips32r6 \
    mips64 mips64r6 msp430 nvptx64 powerpc powerpc64 riscv32 riscv64 s390x sparc sparc64 wasm32 \
    wasm64 x86 x86_64 xtensa";

/// Operating systems, as `std::env::consts::OS` names them.
const SYSTEMS: &str = "aix android cygwin dragonfly emscripten freebsd fuchsia haiku hermit horizon hurd illumos \
    ios linux macos netbsd nto openbsd redox solaris tvos visionos vita vxworks wasi watchos \
    windows";

fn is_platform(text: &str) -> bool {
    let named = |list: &str, name| list.split(' ').any(|one| one == name);
    let parts = text.split_once('-');
    parts.is_some_and(|(processor, system)| named(PROCESSORS, processor) && named(SYSTEMS, system))
}

/// What is named is named as the program names it.
pub fn names(certificate: &Certificate, all: &mut Collector) {
    let code = &certificate.code;
    let dotted = |text: &str, also: &[char]| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(&c);
        text.chars().count() <= 64
            && text.starts_with(char::is_alphanumeric)
            && text.chars().all(fits)
    };
    for (field, found, holds, expected) in [
        (
            "/code/package",
            &code.package,
            code.package == PACKAGE,
            PACKAGE,
        ),
        (
            "/code/version",
            &code.version,
            dotted(&code.version, &['.', '-', '+']) && code.version.starts_with(char::is_numeric),
            "a version such as 1.2.3",
        ),
        (
            "/code/build",
            &code.build,
            ["optimised", "debug"].contains(&&*code.build),
            "optimised or debug",
        ),
        (
            "/code/platform",
            &code.platform,
            is_platform(&code.platform),
            "a processor and an operating system that Rust knows, such as x86_64-linux",
        ),
    ] {
        let why = "the program says of itself what it is, and nothing else";
        all.require(holds, field, escaped(found), expected, why);
    }
    let model = &certificate.model;
    let named = [
        ("/data/dataset", &certificate.data.dataset),
        ("/model/kind", &model.kind),
    ];
    let parts = model
        .rough_parts
        .iter()
        .map(|part| ("/model/rough_parts", part));
    for (field, found) in named.into_iter().chain(parts) {
        all.require(
            is_name(found),
            field,
            escaped(found),
            "a name of 1 to 100 characters",
            "it is what a reader knows it by",
        );
    }
}
