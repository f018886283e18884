//! What a pickle describes.

/// The number of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub(crate) usize);

/// A value. Texts and bytes lie in the file that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Node<'f> {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number that 64 bits hold.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text, or a byte string: Python 2 does not tell them apart.
    Bytes(&'f [u8]),
    /// A list.
    List(Vec<Id>),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A dictionary: keys and values in order.
    Dict(Vec<(Id, Id)>),
    /// A function or class by its module and its name; it was not looked up.
    Global {
        /// The module.
        module: &'f [u8],
        /// The name in it.
        name: &'f [u8],
    },
    /// What a call would give; it was not made.
    Call {
        /// What would be called.
        function: Id,
        /// A tuple of its arguments.
        arguments: Id,
        /// What would be handed to the result's `__setstate__`.
        state: Option<Id>,
        /// What would be put into the result as into a dictionary.
        entries: Vec<(Id, Id)>,
    },
    /// What lies outside the file, by what names it.
    Persistent(Id),
}

/// All nodes of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Pickle<'f> {
    pub(crate) nodes: Vec<Node<'f>>,
    pub(crate) root: Id,
}

impl<'f> Pickle<'f> {
    /// The value that the file describes.
    pub fn root(&self) -> Id {
        self.root
    }

    /// A node.
    pub fn node(&self, id: Id) -> &Node<'f> {
        // Numbers are given out for nodes that are there, and none is taken away.
        &self.nodes[id.0]
    }

    /// What a list or tuple holds; nothing of anything else.
    pub fn items(&self, id: Id) -> &[Id] {
        match self.node(id) {
            Node::List(items) | Node::Tuple(items) => items,
            _ => &[],
        }
    }

    /// Keys and values of a dictionary, or of what a call fills like one; nothing of anything else.
    pub fn entries(&self, id: Id) -> &[(Id, Id)] {
        match self.node(id) {
            Node::Dict(entries) | Node::Call { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The value of this key in a dictionary.
    pub fn get(&self, dict: Id, key: &str) -> Option<Id> {
        let is = |id: Id| self.bytes(id) == Some(key.as_bytes());
        let mut entries = self.entries(dict).iter();
        entries.find(|(name, _)| is(*name)).map(|&(_, value)| value)
    }

    /// A whole number.
    pub fn integer(&self, id: Id) -> Option<i64> {
        match *self.node(id) {
            Node::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// Text or bytes.
    pub fn bytes(&self, id: Id) -> Option<&'f [u8]> {
        match *self.node(id) {
            Node::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Module and name of a function or class, as `module.name`.
    pub fn global(&self, id: Id) -> Option<String> {
        match *self.node(id) {
            Node::Global { module, name } => Some(format!(
                "{}.{}",
                String::from_utf8_lossy(module),
                String::from_utf8_lossy(name)
            )),
            _ => None,
        }
    }
}
