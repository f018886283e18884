//! The modules of a crate: who declares what, and which file owns what a path names.

use crate::graph::Graph;
use crate::names::{Mentioned, Words, attributes, is_test_only};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use syn::Item;

/// A crate's modules, read from its source files.
pub struct Crate {
    source: PathBuf,
    modules: Vec<Module>,
    /// Files that only tests see, and folders of such.
    test_only: Vec<PathBuf>,
}

struct Module {
    /// `None` for a crate's root.
    parent: Option<usize>,
    /// Below the source folder. Modules written inside a file share it.
    file: String,
    children: HashMap<String, usize>,
    own: BTreeSet<String>,
    /// Words in the macros that stand among the items: some of them are items that these make.
    made: BTreeSet<String>,
    mentioned: Mentioned,
}

/// What a path can lead to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Module(usize),
    /// An item of this module.
    Item(usize),
}

impl Crate {
    /// Reads `source`, a crate's `src` folder, from its roots: `lib.rs`, `main.rs` and `bin/*.rs`.
    ///
    /// # Panics
    /// On what does not parse, and on files that no root leads to.
    pub fn read(source: &Path) -> Self {
        let mut read = Crate {
            source: source.to_owned(),
            modules: Vec::new(),
            test_only: Vec::new(),
        };
        let files = rust_files(source);
        for file in &files {
            let below = file.strip_prefix(source).unwrap();
            let folder = below.parent().unwrap();
            let is_root = ["lib.rs", "main.rs"]
                .iter()
                .any(|name| below == Path::new(name));
            if is_root || folder == Path::new("bin") {
                read.read_file(file, None, &source.join(folder));
            }
        }
        for file in &files {
            let below = read.below(file);
            let known = read.modules.iter().any(|module| module.file == below)
                || read.test_only.iter().any(|tests| file.starts_with(tests));
            assert!(known, "no module declares {}", file.display());
        }
        read
    }

    fn below(&self, file: &Path) -> String {
        let below = file.strip_prefix(&self.source).unwrap();
        below.to_str().unwrap().replace('\\', "/")
    }

    /// Reads a file as a module whose children's files lie in `folder`.
    fn read_file(&mut self, file: &Path, parent: Option<usize>, folder: &Path) -> usize {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let below = self.below(file);
        self.read_module(&parsed.items, &below, parent, folder)
    }

    fn read_module(
        &mut self,
        items: &[Item],
        file: &str,
        parent: Option<usize>,
        folder: &Path,
    ) -> usize {
        let at = self.modules.len();
        let mut module = Module {
            parent,
            file: file.to_owned(),
            children: HashMap::new(),
            own: BTreeSet::new(),
            made: BTreeSet::new(),
            mentioned: Mentioned::by(items),
        };
        let shipped = items.iter().filter(|item| !is_test_only(attributes(item)));
        for item in shipped {
            match item {
                Item::Macro(item) if item.ident.is_none() => {
                    words(item.mac.tokens.clone(), &mut module.made);
                }
                item => module.own.extend(name_of(item)),
            }
        }
        self.modules.push(module);
        for item in items {
            let Item::Mod(child) = item else { continue };
            let name = child.ident.to_string();
            let inside = folder.join(&name);
            let flat = inside.with_extension("rs");
            if is_test_only(&child.attrs) {
                self.test_only.extend([flat, inside]);
                continue;
            }
            let index = match &child.content {
                Some((_, items)) => self.read_module(items, file, Some(at), &inside),
                None if flat.exists() => self.read_file(&flat, Some(at), &inside),
                None => self.read_file(&inside.join("mod.rs"), Some(at), &inside),
            };
            self.modules[at].children.insert(name, index);
        }
        at
    }

    /// The arrows between files. A file that declares modules and passes on their items is a face:
    /// it is no node, and what is asked of it is asked of the file that owns the item.
    ///
    /// # Panics
    /// On a path inside the crate that leads nowhere: an arrow would be missed.
    pub fn arrows(&self) -> Graph {
        let mut graph = Graph::default();
        for (at, module) in self.modules.iter().enumerate() {
            if self.is_face(&module.file) {
                continue;
            }
            let mut arrow = |path: &Words, own_children_too: bool| {
                let things = self.resolve(at, path, &mut Vec::new());
                let inside = matches!(path[0].as_str(), "crate" | "super" | "self");
                let text = path.join("::");
                assert!(
                    !things.is_empty() || !inside,
                    "{}: what is {text}?",
                    module.file
                );
                for thing in things {
                    // A module by itself is a way to items, not yet the use of one.
                    let Thing::Item(owner) = thing else { continue };
                    if own_children_too || !self.is_below(owner, at) {
                        graph.add(&module.file, &self.modules[owner].file, self.item(at, path));
                    }
                }
            };
            for path in &module.mentioned.paths {
                arrow(path, true);
            }
            for import in &module.mentioned.imports {
                arrow(&import.target, !import.passed_on);
            }
        }
        graph
    }

    /// The word of a path that names an item: before it stand modules, after it what is in the item.
    fn item<'p>(&self, at: usize, path: &'p Words) -> &'p str {
        let is_item = |&end: &usize| {
            let things = self.resolve(at, &path[..end], &mut Vec::new());
            things.iter().any(|thing| matches!(thing, Thing::Item(_)))
        };
        let end = (1..path.len()).find(is_item).unwrap_or(path.len());
        &path[end - 1]
    }

    fn is_face(&self, file: &str) -> bool {
        let mut modules = self.modules.iter().filter(|module| module.file == file);
        modules.all(|module| module.own.is_empty() && module.made.is_empty())
    }

    fn is_below(&self, module: usize, above: usize) -> bool {
        let parent = self.modules[module].parent;
        parent.is_some_and(|parent| parent == above || self.is_below(parent, above))
    }

    fn root_of(&self, module: usize) -> usize {
        self.modules[module]
            .parent
            .map_or(module, |parent| self.root_of(parent))
    }

    /// What `path` names, said in a module. `asked` guards against imports that go in circles.
    fn resolve(&self, at: usize, path: &[String], asked: &mut Vec<(usize, String)>) -> Vec<Thing> {
        let mut things = vec![Thing::Module(at)];
        for (position, word) in path.iter().enumerate() {
            let modules: Vec<usize> = things
                .iter()
                .filter_map(|thing| match thing {
                    Thing::Module(module) => Some(*module),
                    Thing::Item(_) => None,
                })
                .collect();
            if modules.is_empty() {
                // Inside an item: a variant, an associated function.
                return things;
            }
            things = modules
                .into_iter()
                .flat_map(|module| match (word.as_str(), position) {
                    ("crate", 0) => vec![Thing::Module(self.root_of(module))],
                    ("self", _) => vec![Thing::Module(module)],
                    ("super", _) => {
                        let parent = self.modules[module].parent;
                        parent.map(Thing::Module).into_iter().collect()
                    }
                    (name, _) => self.look_up(module, name, asked),
                })
                .collect();
        }
        things.sort();
        things.dedup();
        things
    }

    /// Everything called `name` in a module: a module and an item can share a name.
    fn look_up(&self, at: usize, name: &str, asked: &mut Vec<(usize, String)>) -> Vec<Thing> {
        let key = (at, name.to_owned());
        if asked.contains(&key) {
            return Vec::new();
        }
        asked.push(key);
        let module = &self.modules[at];
        let mut found = Vec::new();
        found.extend(module.children.get(name).map(|&child| Thing::Module(child)));
        if module.own.contains(name) {
            found.push(Thing::Item(at));
        }
        for import in &module.mentioned.imports {
            if import.name.as_deref() == Some(name) {
                // An import of a module is found again by its own name: `use kernel::kernel`.
                found.extend(self.resolve(at, &import.target, asked));
            }
        }
        if found.is_empty() {
            for glob in &module.mentioned.globs {
                for thing in self.resolve(at, glob, asked) {
                    if let Thing::Module(module) = thing {
                        found.extend(self.look_up(module, name, asked));
                    }
                }
            }
        }
        if found.is_empty() && module.made.contains(name) {
            found.push(Thing::Item(at));
        }
        asked.pop();
        found
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        // Nothing that can be named, and yet no face's.
        Item::Impl(_) | Item::ForeignMod(_) => return Some("impl".to_owned()),
        _ => return None,
    };
    Some(ident.to_string())
}

fn words(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => drop(into.insert(word.to_string())),
            TokenTree::Group(group) => words(group.stream(), into),
            _ => {}
        }
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
