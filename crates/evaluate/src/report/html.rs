//! A report as one HTML page that needs nothing else.

use super::page::{Block, Fact, Figure, Headline, Picture, Report, Section, Table, Tone};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rescind::mark::MARK;

const STYLE: &str = include_str!("style.css");

impl Report {
    /// The page: self-contained, for any width, light and dark, and for paper. Whatever text the
    /// report holds is escaped.
    pub fn to_html(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="generator" content=(MARK);
                    meta name="color-scheme" content="light dark";
                    title { (self.title) ": " (self.subject) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        h1 { (self.title) }
                        p class="subject" { (self.subject) }
                        (headline(&self.headline))
                        (facts(&self.facts))
                        @for part in &self.sections { (section(part)) }
                        footer {
                            (MARK) " " (version) ". " (self.closing)
                        }
                    }
                }
            }
        };
        page.into_string()
    }
}

fn headline(headline: &Headline) -> Markup {
    let tone = match headline.tone {
        Tone::Good => "good",
        Tone::Plain => "plain",
        Tone::Bad => "bad",
    };
    html! {
        section class=(format!("headline {tone}")) aria-label="Summary" {
            span class="kind" { (headline.kind) }
            p { (headline.sentence) }
            @for note in &headline.notes { p class="note" { (note) } }
        }
    }
}

fn facts(facts: &[Fact]) -> Markup {
    html! {
        @if !facts.is_empty() {
            dl class="facts" {
                @for fact in facts {
                    div {
                        dt { (fact.name) }
                        dd { (fact.value) }
                        @if !fact.note.is_empty() { dd { (fact.note) } }
                    }
                }
            }
        }
    }
}

fn section(section: &Section) -> Markup {
    // Neighbouring figures share a row where the page is wide enough.
    let groups = section
        .blocks
        .chunk_by(|a, b| matches!((a, b), (Block::Figure(_), Block::Figure(_))));
    html! {
        section {
            h2 { (section.title) }
            @for group in groups {
                @if let [Block::Figure(_), ..] = group {
                    div class="figures" { @for part in group { (block(part)) } }
                } @else {
                    @for part in group { (block(part)) }
                }
            }
        }
    }
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Text(text) => html! { p { (text) } },
        Block::List(items) => html! {
            dl class="list" { @for (name, text) in items { dt { (name) } dd { (text) } } }
        },
        Block::Table(content) => table(content),
        Block::Figure(content) => figure(content),
        Block::Pictures(pictures) => html! {
            div class="pictures" { @for content in pictures { (picture(content)) } }
        },
    }
}

fn table(table: &Table) -> Markup {
    // A column of figures is one without a word.
    let figures: Vec<bool> = (0..table.head.len())
        .map(|column| {
            let mut cells = table.rows.iter().filter_map(|row| row.get(column));
            column > 0 && cells.all(|cell| is_figure(cell))
        })
        .collect();
    let class = |column: usize| figures.get(column).is_some_and(|n| *n).then_some("n");
    html! {
        p class="caption" { (table.caption) }
        // What is too wide scrolls by itself.
        div class="scroll" tabindex="0" role="region" aria-label=(table.caption) {
            table {
                thead {
                    tr {
                        @for (column, name) in table.head.iter().enumerate() {
                            th scope="col" class=[class(column)] { (name) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @let class = class(column).or(is_long(cell).then_some("w"));
                                @if column == 0 {
                                    th scope="row" class=[class] { (cell) }
                                } @else {
                                    td class=[class] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Too long to stand in one line of a narrow table.
fn is_long(cell: &str) -> bool {
    cell.chars().count() > 28
}

/// A number, with a unit or a deviation perhaps.
fn is_figure(cell: &str) -> bool {
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let mut words = cell.split_whitespace();
    let first = words.next().unwrap_or("\u{2013}");
    let units = ["%", "s", "\u{b5}s", "min", "h", "\u{b1}"];
    let first = ["\u{2013}", "unbounded"].contains(&first) || is_number(first);
    first && words.all(|word| units.contains(&word) || is_number(word))
}

fn figure(figure: &Figure) -> Markup {
    html! {
        figure id=(figure.name) {
            figcaption { b { (figure.title) } (figure.caption) }
            @match figure.chart.to_svg(&figure.title) {
                Ok(svg) => (PreEscaped(svg)),
                Err(error) => p { (error) },
            }
        }
    }
}

fn picture(picture: &Picture) -> Markup {
    let source = format!("data:image/png;base64,{}", STANDARD.encode(&picture.png));
    html! {
        figure {
            img src=(source) alt=(picture.title);
            figcaption {
                b { (picture.title) }
                @for line in &picture.lines { div { (line) } }
            }
        }
    }
}
