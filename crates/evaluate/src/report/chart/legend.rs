//! Which mark is whose.

use super::Reference;
use super::error::PictureError;
use super::lettering::{FONT, MARGIN, shortened, width};
use super::look::{Area, Drawn, INK, Look, Marks, Place};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Height of a line.
const LINE: i32 = 72;
/// Width of a mark, and of the room after a mark and after a text.
const MARK: i32 = 72;
const ROOM: i32 = 28;

/// A text, with a mark before it unless it names a group.
struct Entry {
    text: String,
    look: Option<Look>,
    /// Left end, and the middle of the line.
    at: Place,
}

/// What explains the marks, in lines.
pub(super) struct Legend {
    entries: Vec<Entry>,
    /// Where the next entry begins.
    x: i32,
    /// Height of all lines.
    pub height: i32,
}

impl Legend {
    /// Lays out what fits into this width; a single series with nothing to compare needs no legend.
    /// A series with named points is a group, which begins a line.
    pub fn new(
        marks: &[Marks<'_>],
        references: &[Reference],
        wide: i32,
    ) -> Result<Self, PictureError> {
        let mut legend = Legend {
            entries: Vec::new(),
            x: wide,
            height: 0,
        };
        for of in marks {
            match of.series.labels.is_empty() {
                true => legend.add(&of.series.name, Some(of.look), wide)?,
                false => {
                    legend.x = wide;
                    legend.add(&format!("{}:", of.series.name), None, wide)?;
                }
            }
            for (_, look, name) in &of.points {
                if let Some(name) = name {
                    legend.add(name, Some(*look), wide)?;
                }
            }
        }
        for (index, reference) in references.iter().enumerate() {
            legend.add(&reference.name, Some(Look::of_reference(index)), wide)?;
        }
        if legend.entries.len() < 2 {
            (legend.entries, legend.height) = (Vec::new(), 0);
        }
        Ok(legend)
    }

    fn add(&mut self, text: &str, look: Option<Look>, wide: i32) -> Result<(), PictureError> {
        let text = shortened(text, 54);
        let mark = look.map_or(0, |_| MARK + ROOM);
        let end = mark + width(&text)?;
        if self.x + end > wide {
            (self.x, self.height) = (MARGIN, self.height + LINE);
        }
        let at = (self.x, self.height - LINE / 2);
        self.entries.push(Entry { text, look, at });
        self.x += end + ROOM;
        Ok(())
    }

    /// With texts this much lower than they are asked for.
    pub fn draw<DB: DrawingBackend>(&self, area: &Area<DB>, lower: i32) -> Drawn<DB> {
        let style = TextStyle::from(FONT.into_font()).color(&INK);
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        for Entry { text, look, at } in &self.entries {
            let (mut x, y) = *at;
            if let Some(look) = look {
                look.line(area, &[(x, y), (x + MARK, y)])?;
                look.symbol(area, (x + MARK / 2, y))?;
                x += MARK + ROOM;
            }
            area.draw_text(text, &style, (x, y + lower))?;
        }
        Ok(())
    }
}
