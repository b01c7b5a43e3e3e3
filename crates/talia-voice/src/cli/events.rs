//! `talia-voice events`: how far the places outside have been told, what was given up, and telling it again.

use super::{Options, kept};
use crate::clock::Clock;
use crate::store::Store;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// Muestra hasta dónde llegó cada destino, y cuánto le falta.
    Status,
    /// Enumera los eventos que se abandonaron para un destino.
    Dead(Dead),
    /// Manda otra vez los eventos a un destino, también con el servidor en marcha.
    Replay(Replay),
}

#[derive(Debug, Args)]
pub(super) struct Dead {
    /// El destino: `nats`, o el id de un webhook.
    sink: String,
    /// Cuántos a lo más.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// El destino: `nats`, o el id de un webhook.
    sink: String,
    /// Todo lo que viene después de este número (0: todo desde el principio).
    #[arg(long, required_unless_present = "dead", conflicts_with = "dead")]
    after: Option<i64>,
    /// Solo los que se abandonaron.
    #[arg(long)]
    dead: bool,
}

impl Events {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let kept = kept::open(options).await?;
        let done = self.act(&kept.store, &kept.clock).await;
        kept.store.close().await;
        done
    }

    async fn act(self, store: &Store, clock: &Clock) -> Result<()> {
        let known = store.event_sinks().await?;
        let (Self::Dead(Dead { sink, .. }) | Self::Replay(Replay { sink, .. })) = &self else {
            return status(store, clock, &known).await;
        };
        if !known.contains(sink) {
            bail!("no hay ningún destino «{sink}»; hay: {}", known.join(", "));
        }
        match self {
            Self::Status => {}
            Self::Dead(Dead { sink, limit }) => {
                println!("número\ttipo\tllamada\tintentos\tmotivo\tcuándo");
                for dead in store.dead_events(&sink, limit).await? {
                    println!(
                        "{}\t{}\t{}\t{}\t{}\t{}",
                        dead.seq,
                        dead.kind.as_str(),
                        dead.call_sid,
                        dead.tries,
                        dead.reason,
                        dead.at
                    );
                }
            }
            Self::Replay(Replay { sink, after, .. }) => match after {
                Some(after) => {
                    store.replay_events(&sink, after).await?;
                    let lag = store.sink_lag(&sink).await?;
                    println!("{} eventos se mandan otra vez", lag.map_or(0, |lag| lag.events));
                }
                None => println!("{} eventos se mandan otra vez", store.revive_dead_events(&sink).await?),
            },
        }
        Ok(())
    }
}

async fn status(store: &Store, clock: &Clock, known: &[String]) -> Result<()> {
    println!("destino\thasta\tfaltan\tesperan\tabandonados\tatraso");
    for sink in known {
        let Some(lag) = store.sink_lag(sink).await? else {
            continue;
        };
        let age = lag
            .oldest
            .map_or(0, |oldest| clock.wall().duration_since(oldest).as_secs().max(0));
        println!(
            "{sink}\t{}\t{}\t{}\t{}\t{age} s",
            lag.cursor, lag.events, lag.waiting, lag.dead
        );
    }
    Ok(())
}
