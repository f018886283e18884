//! The names that a piece of source code mentions: paths, imports, and paths inside macros, whose
//! bodies are scanned word by word because nobody but the macro can parse them.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Path, UseTree, Visibility};

/// `a::b::c`, from its first word on.
pub type Words = Vec<String>;

/// What a `use` declaration brings into a module.
pub struct Import {
    /// The name it gets there; none for `as _`.
    pub name: Option<String>,
    pub target: Words,
    /// Whether other modules may take it from there.
    pub passed_on: bool,
}

/// Everything that a module's own code mentions. Child modules are left out.
#[derive(Default)]
pub struct Mentioned {
    pub paths: Vec<Words>,
    pub imports: Vec<Import>,
    /// Modules of which every name is imported.
    pub globs: Vec<Words>,
}

impl Mentioned {
    pub fn by(items: &[Item]) -> Self {
        let mut mentioned = Mentioned::default();
        items.iter().for_each(|item| mentioned.visit_item(item));
        mentioned
    }

    fn import(&mut self, prefix: &[String], tree: &UseTree, passed_on: bool) {
        let with = |word: &dyn ToString| [prefix, &[word.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&with(&path.ident), &path.tree, passed_on),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(prefix, tree, passed_on);
                }
            }
            UseTree::Glob(_) => self.globs.push(prefix.to_vec()),
            UseTree::Name(name) if name.ident == "self" => {
                let name = prefix.last().cloned();
                let target = prefix.to_vec();
                self.imports.push(Import {
                    name,
                    target,
                    passed_on,
                });
            }
            UseTree::Name(name) => {
                let target = with(&name.ident);
                let name = target.last().cloned();
                self.imports.push(Import {
                    name,
                    target,
                    passed_on,
                });
            }
            UseTree::Rename(renamed) => {
                let target = match renamed.ident == "self" {
                    true => prefix.to_vec(),
                    false => with(&renamed.ident),
                };
                let name = (renamed.rename != "_").then(|| renamed.rename.to_string());
                self.imports.push(Import {
                    name,
                    target,
                    passed_on,
                });
            }
        }
    }

    /// Takes the paths out of a macro's tokens.
    fn scan(&mut self, prefix: &[String], tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        let mut after_dot = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.scan(&[], group.stream()),
                TokenTree::Ident(word) if word == "as" => drop(tokens.next()),
                TokenTree::Ident(first) if !after_dot => {
                    let mut words = [prefix, &[first.to_string()]].concat();
                    while let Some(TokenTree::Punct(p)) = tokens.peek()
                        && p.as_char() == ':'
                        && p.spacing() == proc_macro2::Spacing::Joint
                    {
                        tokens.nth(1);
                        match tokens.peek() {
                            Some(TokenTree::Ident(next)) => {
                                words.push(next.to_string());
                                tokens.next();
                            }
                            Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Brace => {
                                self.scan(&words, g.stream());
                                tokens.next();
                            }
                            _ => break,
                        }
                    }
                    // One word alone may be anything; a type or a call is worth looking up.
                    let called = match tokens.peek() {
                        Some(TokenTree::Group(g)) => g.delimiter() == Delimiter::Parenthesis,
                        Some(TokenTree::Punct(p)) => p.as_char() == '!',
                        _ => false,
                    };
                    let type_like = words[0].starts_with(char::is_uppercase);
                    if words.len() > 1 || called || type_like {
                        self.paths.push(words);
                    }
                    after_dot = false;
                }
                TokenTree::Punct(p) => {
                    // `.field`, `.method()` and `'label` are not paths; `..Default::default()` is.
                    after_dot = match p.as_char() {
                        '.' => !after_dot,
                        '\'' => true,
                        _ => false,
                    };
                }
                _ => after_dot = false,
            }
        }
    }
}

impl<'ast> Visit<'ast> for Mentioned {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let test_only = match item {
            ImplItem::Fn(function) => is_test_only(&function.attrs),
            ImplItem::Const(constant) => is_test_only(&constant.attrs),
            _ => false,
        };
        if !test_only {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let passed_on = !matches!(item.vis, Visibility::Inherited);
        if item.leading_colon.is_none() {
            self.import(&[], &item.tree, passed_on);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            self.paths.push(words_of(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        visit::visit_macro(self, mac);
        self.scan(&[], mac.tokens.clone());
    }

    /// Attributes name things as paths and, as serde's do, in strings; documentation does not count.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let Meta::List(list) = &attribute.meta else {
            return;
        };
        self.scan(&[], list.tokens.clone());
        for token in list.tokens.clone() {
            if let TokenTree::Literal(literal) = token
                && let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string())
                && let Ok(path) = text.parse::<Path>()
            {
                self.paths.push(words_of(&path));
            }
        }
    }
}

fn words_of(path: &Path) -> Words {
    path.segments.iter().map(|s| s.ident.to_string()).collect()
}

/// `#[cfg(test)]`, `#[cfg(all(test, …))]` and `#[test]`.
pub fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
            match words.next() {
                Some("test") => true,
                Some("all") => words.any(|word| word == "test"),
                _ => false,
            }
        }
        _ => false,
    })
}

pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
