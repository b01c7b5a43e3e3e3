//! Leads page by page, one a call or one a person: for exports of any size. Each page is read by itself, so a lead that
//! turns out to be another person's while it is exported may come with both or with neither.

use super::columns::Time;
use super::engine::Pool;
use super::ids::BEFORE_ALL;
use super::leads::{LeadRow, WholeLead};
use super::sql::sql;
use super::{LeadFieldRow, Store, StoreError, lead_fields};
use jiff::Timestamp;
use std::collections::HashMap;

/// Leads that are read at once.
const PAGE: u32 = 500;

/// When leads were created: from `since` on, and before `until`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeadWindow {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl LeadWindow {
    fn holds(self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// Leads as they come, page by page.
#[derive(Debug)]
pub struct LeadPages {
    store: Store,
    window: LeadWindow,
    at: Place,
}

/// How far it came.
#[derive(Debug)]
enum Place {
    /// By person, then by time: the last lead that was read, and the person whose later leads may follow.
    People {
        after: Cursor,
        open: Option<Box<Open>>,
    },
    /// By id: all, or those of nobody who is known by a number.
    Rows {
        after: String,
        all: bool,
    },
    Over,
}

/// Person, time and id of a lead.
type Cursor = (String, Timestamp, String);

/// A person whose leads are put together.
#[derive(Debug)]
struct Open {
    whole: WholeLead,
    /// One of them was created in the window.
    wanted: bool,
}

impl Store {
    /// All leads that were created in the window, by id; `unique`: one a person, of whom any lead was. It has the newest word of
    /// each field, and identity and beginning of the first lead; the person's number sorts them, and leads of nobody who is
    /// known by a number follow as they are.
    pub fn lead_pages(&self, window: LeadWindow, unique: bool) -> LeadPages {
        let at = if unique {
            Place::People {
                after: (String::new(), Timestamp::UNIX_EPOCH, BEFORE_ALL.to_owned()),
                open: None,
            }
        } else {
            Place::Rows {
                after: BEFORE_ALL.to_owned(),
                all: true,
            }
        };
        LeadPages {
            store: self.clone(),
            window,
            at,
        }
    }
}

impl LeadPages {
    /// The next ones, which may be none; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<WholeLead>>, StoreError> {
        let (pool, window) = (self.store.readers(), self.window);
        match &mut self.at {
            Place::Over => Ok(None),
            Place::Rows { after, all } => {
                let page = self.store.read(by_id(pool, (after, *all), window).await)?;
                match page.last() {
                    Some(last) => after.clone_from(&last.lead.id),
                    None => self.at = Place::Over,
                }
                Ok(Some(page))
            }
            Place::People { after, open } => {
                let page = self.store.read(by_person(pool, after).await)?;
                let mut done = Vec::new();
                let is_last = page.is_empty();
                for whole in page {
                    let created: Timestamp = whole.lead.created_at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
                    *after = (
                        whole.lead.person.clone().unwrap_or_default(),
                        created,
                        whole.lead.id.clone(),
                    );
                    let wanted = window.holds(created);
                    match open {
                        Some(open) if open.whole.lead.person == whole.lead.person => {
                            open.whole.amend(whole);
                            open.wanted |= wanted;
                        }
                        _ => done.extend(open.replace(Box::new(Open { whole, wanted }))),
                    }
                }
                if is_last {
                    done.extend(open.take());
                    self.at = Place::Rows {
                        after: BEFORE_ALL.to_owned(),
                        all: false,
                    };
                }
                let done = done.into_iter().filter(|open| open.wanted);
                Ok(Some(done.map(|open| open.whole).collect()))
            }
        }
    }
}

async fn by_id(pool: &Pool, (after, all): (&str, bool), window: LeadWindow) -> Result<Vec<WholeLead>, sqlx::Error> {
    let rows: Vec<LeadRow> = sql("SELECT * FROM leads
         WHERE id > $1 AND ($2 OR person IS NULL)
           AND ($3 IS NULL OR created_at >= $3) AND ($4 IS NULL OR created_at < $4)
         ORDER BY id LIMIT $5")
    .id(after)
    .bind(all)
    .bind(window.since.map(Time))
    .bind(window.until.map(Time))
    .bind(PAGE)
    .all(pool)
    .await?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(Vec::new());
    };
    let fields = lead_fields::between(pool, (&first.id, &last.id)).await?;
    Ok(together(rows, fields))
}

async fn by_person(pool: &Pool, (person, created, id): &Cursor) -> Result<Vec<WholeLead>, sqlx::Error> {
    let rows: Vec<LeadRow> = sql(
        "SELECT * FROM leads WHERE person IS NOT NULL AND (person, created_at, id) > ($1, $2, $3)
         ORDER BY person, created_at, id LIMIT $4",
    )
    .bind(person)
    .bind(*created)
    .id(id)
    .bind(PAGE)
    .all(pool)
    .await?;
    let Some(last) = rows.last() else {
        return Ok(Vec::new());
    };
    let until: Timestamp = last.created_at.parse().unwrap_or(Timestamp::MAX);
    let fields: Vec<LeadFieldRow> = sql("SELECT lead_fields.* FROM leads JOIN lead_fields ON lead_id = id
         WHERE (person, created_at, id) > ($1, $2, $3) AND (person, created_at, id) <= ($4, $5, $6)")
    .bind(person)
    .bind(*created)
    .id(id)
    .bind(&last.person)
    .bind(until)
    .id(&last.id)
    .all(pool)
    .await?;
    Ok(together(rows, fields))
}

fn together(rows: Vec<LeadRow>, fields: Vec<LeadFieldRow>) -> Vec<WholeLead> {
    let mut by_lead: HashMap<String, Vec<LeadFieldRow>> = HashMap::new();
    for field in fields {
        by_lead.entry(field.lead_id.clone()).or_default().push(field);
    }
    let whole = |row: LeadRow| {
        let fields = by_lead.remove(&row.id).unwrap_or_default();
        WholeLead::new(row, fields)
    };
    rows.into_iter().map(whole).collect()
}
