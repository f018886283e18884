//! What a report is made of.

use super::chart::Chart;

/// A report: one page.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// What it is about, in a line.
    pub subject: String,
    /// What a reader must know if they read nothing else.
    pub headline: Headline,
    /// The figures that matter most.
    pub facts: Vec<Fact>,
    /// The rest.
    pub sections: Vec<Section>,
    /// What whoever keeps the page must know.
    pub closing: String,
}

/// What matters most, in a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    /// How the sentence is to be taken, in a word or two.
    pub kind: String,
    /// How it looks.
    pub tone: Tone,
    /// The sentence.
    pub sentence: String,
    /// What limits it.
    pub notes: Vec<String>,
}

/// How good news is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It holds.
    Good,
    /// It holds with limits, or nothing is known.
    Plain,
    /// It does not hold.
    Bad,
}

/// A figure with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// The figure, with its unit.
    pub value: String,
    /// What to compare it with.
    pub note: String,
}

/// A titled part.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// Its content.
    pub blocks: Vec<Block>,
}

/// A piece of content. All text is plain text, whatever it holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A list of named paragraphs.
    List(Vec<(String, String)>),
    /// A table.
    Table(Table),
    /// A chart with its caption.
    Figure(Figure),
    /// Pictures of records.
    Pictures(Vec<Picture>),
}

/// A table. Columns after the first are figures unless they hold words.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Names of its columns.
    pub head: Vec<String>,
    /// Its rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// A chart with its caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Name of its files, without ending: letters, digits and hyphens.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// The chart.
    pub chart: Chart,
}

/// A picture of a record, with what models say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// A PNG file.
    pub png: Vec<u8>,
    /// What it shows.
    pub title: String,
    /// What is said of it.
    pub lines: Vec<String>,
}

impl Report {
    /// All figures, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        let blocks = self.sections.iter().flat_map(|section| &section.blocks);
        blocks.filter_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        })
    }
}

impl Section {
    /// A section.
    pub fn new(title: &str, blocks: Vec<Block>) -> Self {
        Section {
            title: title.to_owned(),
            blocks,
        }
    }
}

impl Table {
    /// A table.
    pub fn new(caption: &str, head: &[&str], rows: Vec<Vec<String>>) -> Self {
        Table {
            caption: caption.to_owned(),
            head: head.iter().map(|&name| name.to_owned()).collect(),
            rows,
        }
    }
}

impl Figure {
    /// A figure; without anything to draw, a paragraph that says so.
    pub fn block(name: &str, title: &str, caption: &str, chart: Chart) -> Block {
        if chart.is_empty() {
            return Block::Text(format!("{title}: nothing to draw yet."));
        }
        Block::Figure(Figure {
            name: name.to_owned(),
            title: title.to_owned(),
            caption: caption.to_owned(),
            chart,
        })
    }
}

impl Block {
    /// A paragraph.
    pub fn text(text: impl Into<String>) -> Self {
        Block::Text(text.into())
    }
}
