//! The stack machine of pickles, which makes nodes and calls nothing.

use crate::error::PickleError;
use crate::node::{Id, Node, Pickle};
use crate::scanner::Scanner;
use std::collections::HashMap;

/// Reads what a pickle describes, up to its end; what follows is passed over. Of the protocols 0
/// to 5, what numbers, texts, collections and calls are made of.
///
/// # Errors
/// [`PickleError`].
pub fn read(file: &[u8]) -> Result<Pickle<'_>, PickleError> {
    let mut machine = Machine {
        scanner: Scanner::new(file),
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    while machine.step()? {}
    let root = machine.pop()?;
    let nodes = machine.nodes;
    Ok(Pickle { nodes, root })
}

struct Machine<'f> {
    scanner: Scanner<'f>,
    nodes: Vec<Node<'f>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'f> Machine<'f> {
    /// Carries out one instruction, and says whether there are more.
    fn step(&mut self) -> Result<bool, PickleError> {
        let at = self.scanner.position();
        let code = self.scanner.take(1)?[0];
        match code {
            b'.' => return Ok(false),
            // Protocol and frame say nothing of the value.
            0x80 => drop(self.scanner.take(1)?),
            0x95 => drop(self.scanner.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.marked()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.push(Node::None),
            0x88 | 0x89 => self.push(Node::Bool(code == 0x88)),
            b'J' => self.long(4)?,
            b'K' => self.unsigned(1)?,
            b'M' => self.unsigned(2)?,
            0x8a => {
                let width = self.scanner.unsigned(1)? as usize;
                self.long(width)?;
            }
            b'I' | b'L' => {
                let number = self.scanner.number()?;
                let number = number.ok_or(PickleError::Stack { at })?;
                self.push(Node::Integer(number));
            }
            b'G' => {
                let mut word = [0; 8];
                word.copy_from_slice(self.scanner.take(8)?);
                self.push(Node::Float(f64::from_be_bytes(word)));
            }
            b'U' | b'C' | 0x8c => self.counted(1)?,
            b'T' | b'X' | b'B' => self.counted(4)?,
            0x8d | 0x8e | 0x96 => self.counted(8)?,
            b']' => self.push(Node::List(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b'l' => {
                let items = self.marked()?;
                self.push(Node::List(items));
            }
            b't' => {
                let items = self.marked()?;
                self.push(Node::Tuple(items));
            }
            b'd' => {
                let entries = self.marked_pairs()?;
                self.push(Node::Dict(entries));
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let start = self.stack.len().checked_sub(count);
                let start = start.ok_or(PickleError::Stack { at })?;
                let items = self.stack.split_off(start);
                self.push(Node::Tuple(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.marked()?;
                self.append(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.enter(vec![(key, value)])?;
            }
            b'u' => {
                let entries = self.marked_pairs()?;
                self.enter(entries)?;
            }
            b'c' => {
                let (module, name) = (self.scanner.line()?, self.scanner.line()?);
                self.push(Node::Global { module, name });
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Node::Bytes(module), Node::Bytes(name)) =
                    (&self.nodes[module.0], &self.nodes[name.0])
                else {
                    return Err(PickleError::Stack { at });
                };
                let (module, name) = (*module, *name);
                self.push(Node::Global { module, name });
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.push(Node::Call {
                    function,
                    arguments,
                    state: None,
                    entries: Vec::new(),
                });
            }
            b'b' => {
                let given = self.pop()?;
                let Node::Call { state, .. } = self.top_node()? else {
                    return Err(PickleError::Stack { at });
                };
                *state = Some(given);
            }
            b'Q' => {
                let name = self.pop()?;
                self.push(Node::Persistent(name));
            }
            b'q' => self.put(|scanner| scanner.unsigned(1))?,
            b'r' => self.put(|scanner| scanner.unsigned(4))?,
            b'p' => self.put(written)?,
            0x94 => {
                let (next, top) = (self.memo.len() as u64, self.top()?);
                self.memo.insert(next, top);
            }
            b'h' => self.get(|scanner| scanner.unsigned(1))?,
            b'j' => self.get(|scanner| scanner.unsigned(4))?,
            b'g' => self.get(written)?,
            _ => return Err(PickleError::Instruction { at, code }),
        }
        Ok(true)
    }

    fn wrong(&self) -> PickleError {
        let at = self.scanner.position();
        PickleError::Stack { at }
    }

    fn push(&mut self, node: Node<'f>) {
        self.stack.push(Id(self.nodes.len()));
        self.nodes.push(node);
    }

    /// The topmost value above the last mark.
    fn top(&self) -> Result<Id, PickleError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let above = self.stack.get(floor..).unwrap_or_default();
        above.last().copied().ok_or_else(|| self.wrong())
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn top_node(&mut self) -> Result<&mut Node<'f>, PickleError> {
        let top = self.top()?;
        Ok(&mut self.nodes[top.0])
    }

    /// Everything above the last mark, which goes.
    fn marked(&mut self) -> Result<Vec<Id>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.wrong())?;
        match mark <= self.stack.len() {
            true => Ok(self.stack.split_off(mark)),
            false => Err(self.wrong()),
        }
    }

    fn marked_pairs(&mut self) -> Result<Vec<(Id, Id)>, PickleError> {
        let items = self.marked()?;
        match items.as_chunks::<2>() {
            (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
            _ => Err(self.wrong()),
        }
    }

    fn append(&mut self, mut more: Vec<Id>) -> Result<(), PickleError> {
        let wrong = self.wrong();
        match self.top_node()? {
            Node::List(items) => {
                items.append(&mut more);
                Ok(())
            }
            _ => Err(wrong),
        }
    }

    fn enter(&mut self, mut more: Vec<(Id, Id)>) -> Result<(), PickleError> {
        let wrong = self.wrong();
        match self.top_node()? {
            Node::Dict(entries) | Node::Call { entries, .. } => {
                entries.append(&mut more);
                Ok(())
            }
            _ => Err(wrong),
        }
    }

    fn unsigned(&mut self, width: usize) -> Result<(), PickleError> {
        let number = self.scanner.unsigned(width)?;
        self.push(Node::Integer(number as i64));
        Ok(())
    }

    fn long(&mut self, width: usize) -> Result<(), PickleError> {
        let number = self.scanner.long(width)?;
        self.push(Node::Integer(number.ok_or_else(|| self.wrong())?));
        Ok(())
    }

    fn counted(&mut self, width: usize) -> Result<(), PickleError> {
        let bytes = self.scanner.counted(width)?;
        self.push(Node::Bytes(bytes));
        Ok(())
    }

    fn put(&mut self, key: Key<'f>) -> Result<(), PickleError> {
        let (key, top) = (key(&mut self.scanner)?, self.top()?);
        self.memo.insert(key, top);
        Ok(())
    }

    fn get(&mut self, key: Key<'f>) -> Result<(), PickleError> {
        let key = key(&mut self.scanner)?;
        let known = self.memo.get(&key).copied();
        self.stack.push(known.ok_or_else(|| self.wrong())?);
        Ok(())
    }
}

/// How the number of a place in the memo is read.
type Key<'f> = fn(&mut Scanner<'f>) -> Result<u64, PickleError>;

fn written(scanner: &mut Scanner<'_>) -> Result<u64, PickleError> {
    let at = scanner.position();
    let number = scanner
        .number()?
        .and_then(|number| u64::try_from(number).ok());
    number.ok_or(PickleError::Stack { at })
}
