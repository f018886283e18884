//! An extension module finds Python's symbols in the interpreter that loads it.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
