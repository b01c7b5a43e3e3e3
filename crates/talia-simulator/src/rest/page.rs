//! Pages of a list, as the API of 2010 has them: `Page`, `PageSize`, `next_page_uri`.

use serde_json::{Value, json};

use super::Asked;

/// Resources on a page, where the request doesn't say; and the most it may ask for.
const PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 1_000;

/// The page that a request asks for, under the list's name.
pub(super) fn page(asked: &Asked, name: &str, all: &[Value]) -> Value {
    let number = |field| asked.query.get(field).and_then(|text| text.parse::<usize>().ok());
    let size = number("PageSize").unwrap_or(PAGE_SIZE).clamp(1, MAX_PAGE_SIZE);
    let page = number("Page").unwrap_or(0);
    let start = page.saturating_mul(size).min(all.len());
    let end = (start + size).min(all.len());
    let path = asked.target.split('?').next().unwrap_or_default();
    let uri = |page: usize| {
        let filters = asked
            .query
            .fields()
            .iter()
            .filter(|(field, _)| field != "Page" && field != "PageSize");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(filters)
            .append_pair("PageSize", &size.to_string())
            .append_pair("Page", &page.to_string())
            .finish();
        format!("{path}?{query}")
    };
    json!({
        name: &all[start..end],
        "page": page,
        "page_size": size,
        "start": start,
        "end": end.saturating_sub(1),
        "uri": asked.target,
        "first_page_uri": uri(0),
        "next_page_uri": (end < all.len()).then(|| uri(page + 1)),
        "previous_page_uri": (page > 0).then(|| uri(page - 1)),
    })
}
