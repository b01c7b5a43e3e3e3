//! A cheap gate in front of a neural voice activity detector: frames that are obviously silence needn't be asked.

use std::time::Duration;

use crate::level::NoiseFloor;

/// What a frame must exceed to be worth a model's time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSettings {
    /// How far above the noise floor.
    pub margin_db: f32,
    /// Frames under this level are silence whatever the floor.
    pub never_below_dbfs: f32,
    /// Frames from this level on go through whatever the floor: loud noise is the model's to judge.
    pub always_above_dbfs: f32,
    /// The gate stays open this long after the last frame that opened it, so that the model sees words end.
    pub hold: Duration,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            margin_db: 6.0,
            never_below_dbfs: -62.0,
            always_above_dbfs: -48.0,
            hold: Duration::from_millis(600),
        }
    }
}

/// Energy gate with a noise floor; in doubt it lets a frame through.
#[derive(Debug, Clone)]
pub struct EnergyGate {
    settings: GateSettings,
    floor: NoiseFloor,
    open_for: Duration,
}

impl EnergyGate {
    /// A gate that is open until it knows the noise floor.
    pub fn new(settings: GateSettings) -> Self {
        Self {
            settings,
            floor: NoiseFloor::new(),
            open_for: Duration::ZERO,
        }
    }

    /// Takes the level of the next frame and how long it lasts; true if the frame is obviously silence.
    pub fn is_silence(&mut self, dbfs: f32, duration: Duration) -> bool {
        self.floor.push(dbfs, duration);
        let opened = match self.floor.dbfs() {
            None => true,
            Some(_) => dbfs > self.threshold_dbfs(),
        };
        if opened {
            self.open_for = self.settings.hold;
            return false;
        }
        let held = self.open_for > Duration::ZERO;
        self.open_for = self.open_for.saturating_sub(duration);
        !held
    }

    /// Level above which a frame opens the gate.
    pub fn threshold_dbfs(&self) -> f32 {
        let above_floor = self
            .floor
            .dbfs()
            .map_or(f32::NEG_INFINITY, |floor| floor + self.settings.margin_db);
        above_floor
            .min(self.settings.always_above_dbfs)
            .max(self.settings.never_below_dbfs)
    }
}
