//! The files that the results of a comparison fill.

use super::CompareError;
use super::results::Results;
use super::store::Folder;
use super::tables::csv;

impl Results {
    /// Writes `results.json`, `results.csv`, `results.md`, `results.html` and the figures.
    pub(super) fn write(&self, folder: &Folder) -> Result<(), CompareError> {
        let unwritable = |reason: String| CompareError::Unwritable { reason };
        let mut json = serde_json::to_vec(self).map_err(|error| unwritable(error.to_string()))?;
        json.push(b'\n');
        folder.put("results.json", &json)?;
        folder.put("results.csv", &csv(self).map_err(unwritable)?)?;
        folder.put("results.md", self.markdown().as_bytes())?;
        let page = self.report();
        page.write(&folder.path("results.html"))?;
        page.write_figures(&folder.path("figures"))?;
        Ok(())
    }
}
