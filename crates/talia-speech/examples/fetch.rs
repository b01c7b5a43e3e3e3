//! Fetches the models into the user's folder, as `talia-voice models fetch` does.

use talia_speech::models::{self, ModelsDir, progress::Terminal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = ModelsDir::from_env();
    let made = models::fetch(&dir, &mut Terminal::default())?;
    println!("{made} archivos nuevos en {}", dir.path().display());
    models::Installed::open(&dir)?;
    Ok(())
}
