use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{count, number};
use crate::file;
use crate::progress::Watch;
use clap::Args;
use rescind::{Observer, Phase, Progress, word};
use rescind_data::{ColumnSurvey, DataSource, Encoding, numbers_rows, survey};
use serde::Serialize;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

/// Draft a declaration of a table's columns, to be looked through and given to train
///
/// Prints a file for `rescind train --columns FILE`, with what the columns seem to be. It is made by
/// looking at the records: what it says becomes yours when you have looked it through. Take out
/// what only the records can have told, such as a category that one person alone has; whoever has
/// another one is counted as `other`. Categories and classes of fewer than ten rows are left out for
/// that reason. Classes are drafted as a comment: as long as it is one, the run's certificates say that
/// they were read off the records.
#[derive(Args)]
#[command(
    after_help = "Example: rescind columns 'csv:people.csv?label=outcome' --out people.columns"
)]
pub struct Columns {
    /// The table: csv:FILE?label=COLUMN or parquet:FILE?label=COLUMN
    data: DataSource,

    /// Write the draft here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Fewer rows than this have categories that are left out.
const RARE: usize = 10;
/// More categories than this are hashed.
const MOST_CATEGORIES: usize = 32;

#[derive(Serialize)]
struct Drafted {
    draft: String,
}

impl Columns {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let DataSource::Table { options, .. } = &self.data else {
            return Err(Failure::usage(
                "only tables have columns: give csv:FILE or parquet:FILE",
            ));
        };
        let mut watch = Watch::new(console);
        let mut see = |rows| watch.observe(&Progress::counted(Phase::Load, rows, None));
        let found = survey(&self.data, &mut see).map_err(rescind::Error::from)?;
        drop(watch);
        let mut draft = String::from(
            "# Drafted by looking at the records: go through it, and what stands here is declared.\n\
             # A column is \"number\", { range = [LOW, HIGH] } (that becomes -1 to 1), a list of categories,\n\
             # { hash = INPUTS } or \"drop\". missing is \"refuse\", \"drop\", \"mark\" or a number.\n",
        );
        let found = found.unwrap_or_default();
        let label = found.iter().find(|column| column.name == options.label);
        if let Some(classes) = label.and_then(classes) {
            draft.push_str(&classes);
        }
        let inputs: Vec<&ColumnSurvey> = found
            .iter()
            .filter(|column| column.name != options.label)
            .filter(|column| Some(&column.name) != options.subject.as_ref())
            .filter(|column| !column.name.is_empty())
            .collect();
        let gaps = inputs
            .iter()
            .any(|column| column.missing > 0 && column.numbers > 0);
        let _ = writeln!(
            draft,
            "missing = \"{}\"",
            if gaps { "mark" } else { "refuse" }
        );
        draft.push_str("\n[columns]\n");
        for column in inputs {
            let _ = writeln!(draft, "{} = {}", quoted(&column.name), line(column));
        }
        match &self.out {
            None => console.print(&Drafted { draft })?,
            Some(path) => {
                file::write_new(path, draft.as_bytes())?;
                let data = word(Path::new(&self.data.to_string()));
                let draft = format!(
                    "Drafted {}. Go through it, then:\nrescind train --data {data} --columns {} --out run\n",
                    path.display(),
                    word(path)
                );
                console.print_done(&Drafted { draft });
            }
        }
        Ok(Status::Done)
    }
}

fn classes(label: &ColumnSurvey) -> Option<String> {
    let texts = label.texts.as_ref()?;
    if label.numbers > 0 || texts.is_empty() {
        return None;
    }
    let common = texts.iter().filter(|(_, rows)| **rows >= RARE);
    let names: Vec<String> = common.map(|(name, _)| quoted(name)).collect();
    let rare = match texts.len() - names.len() {
        0 => String::new(),
        rare => format!(" # {rare} of fewer than {RARE} rows left out"),
    };
    Some(format!(
        "# Declare the classes there can be, whether or not anybody has them, by taking the # away:\n\
         # classes = [{}]{rare}\n",
        names.join(", ")
    ))
}

/// What a column seems to be, and why.
fn line(column: &ColumnSurvey) -> String {
    let rows = column.numbers + column.missing + column.times + column.others;
    let missing = match column.missing {
        0 => String::new(),
        missing => format!(", {missing} missing"),
    };
    if numbers_rows(&column.name) {
        return "\"drop\" # numbers the rows, by its name".to_owned();
    }
    if 2 * column.times > rows {
        return format!("\"drop\" # days or times{missing}");
    }
    if column.others == 0 {
        let (low, high) = column.range.unwrap_or_default();
        let range = format!("{} to {}", number(low.into()), number(high.into()));
        return format!("\"number\" # {range}{missing}");
    }
    let common = column.texts.as_ref().map(|texts| {
        let common = texts.iter().filter(|(_, rows)| **rows >= RARE);
        common
            .map(|(text, _)| quoted(text))
            .collect::<Vec<String>>()
    });
    match (common, &column.texts) {
        (Some(common), Some(texts)) if !common.is_empty() && common.len() <= MOST_CATEGORIES => {
            let rare = match texts.len() - common.len() {
                0 => String::new(),
                rare => format!(
                    " # {} of fewer than {RARE} rows left out",
                    count(rare, "text")
                ),
            };
            format!("[{}]{rare}", common.join(", "))
        }
        _ => format!("{{ hash = {} }} # texts{missing}", Encoding::BUCKETS),
    }
}

/// A text as TOML has it, which is as JSON has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl fmt::Display for Drafted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draft)
    }
}
