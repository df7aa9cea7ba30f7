//! Pairs listed in a file: rows of `source,target`, and where that leaves open which objects are meant `category`,
//! or `source_annotation` and `target_annotation`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use csv::StringRecord;

use crate::data::formats::coco::objects::{Collection, Object, Photo};
use crate::data::formats::text::read_text;
use crate::data::lists::table::rows;
use crate::data::problem::{Fault, Problem};
use crate::visible::{Shown, one_line};

/// The columns: those of the two photos, then what may follow.
const COLUMNS: [&str; 5] =
    ["source", "target", "category", "source_annotation", "target_annotation"];

/// The objects of each row, as positions in the collection, or what is wrong with it.
///
/// # Errors
/// When the file cannot be read or has no such columns.
pub(super) fn read(
    file: &Path,
    collection: &Collection,
) -> Result<Vec<Result<[usize; 2], Problem>>> {
    let attempt = || -> Result<_> {
        let text = read_text(file)?;
        let mut rows = rows(&text, &|header| header.len() > 1)?.into_iter();
        let (_, header) = rows.next().context("it is empty")?;
        let column = |name: &str| header.iter().position(|field| field.eq_ignore_ascii_case(name));
        let columns = COLUMNS.map(column);
        if columns[0].is_none() || columns[1].is_none() {
            bail!("its first row names no columns `source` and `target`");
        }
        let parsed = rows.map(|(line, row)| {
            let fields = columns.map(|column| column.and_then(|column| field(&row, column)));
            objects(fields, collection)
                .map_err(|(fault, detail)| Problem::of_line(fault, file, line, detail))
        });
        Ok(parsed.collect())
    };
    attempt().with_context(|| format!("reading the list of pairs `{}`", file.shown()))
}

fn field(row: &StringRecord, column: usize) -> Option<&str> {
    row.get(column).filter(|text| !text.is_empty())
}

/// The two objects that a row means.
fn objects(
    [source, target, category, source_id, target_id]: [Option<&str>; 5],
    collection: &Collection,
) -> Result<[usize; 2], (Fault, String)> {
    let (Some(source), Some(target)) = (source, target) else {
        return Err((Fault::WrongCount, "a row needs a source and a target".to_owned()));
    };
    let on = |name: &str, id: Option<&str>| -> Result<Vec<(usize, &Object)>, (Fault, String)> {
        let photo = photo(name, collection)?;
        let is_meant = |object: &Object| {
            object.place.photo == photo
                && category.is_none_or(|category| *object.place.category == *category)
                && id.is_none_or(|id| object.id.as_ref().is_some_and(|own| own.to_string() == id))
        };
        let all = collection.objects.iter().enumerate();
        Ok(all.filter(|(_, object)| is_meant(object)).collect())
    };
    let (sources, targets) = (on(source, source_id)?, on(target, target_id)?);
    let both = sources.iter().flat_map(|source| targets.iter().map(move |target| (source, target)));
    let mut pairs = both
        .filter(|((first, one), (second, other))| {
            first != second && one.place.category == other.place.category
        })
        .map(|((first, _), (second, _))| [*first, *second]);
    let label = || format!("`{}` and `{}`", one_line(source), one_line(target));
    match (pairs.next(), pairs.next()) {
        (Some(pair), None) => Ok(pair),
        (None, _) => {
            let detail =
                format!("{} have no objects of one category with labelled keypoints", label());
            Err((Fault::Missing, detail))
        }
        (Some(_), Some(_)) => {
            let detail = format!(
                "{} have several such objects: give `category`, or `source_annotation` and \
                 `target_annotation`",
                label()
            );
            Err((Fault::WrongCount, detail))
        }
    }
}

/// The photo whose name ends so.
fn photo(name: &str, collection: &Collection) -> Result<usize, (Fault, String)> {
    let wanted = name.replace('\\', "/");
    let fits =
        |(_, photo): &(usize, &Photo)| Path::new(&photo.name.replace('\\', "/")).ends_with(&wanted);
    let mut found = collection.photos.iter().enumerate().filter(fits);
    match (found.next(), found.next()) {
        (Some((photo, _)), None) => Ok(photo),
        (None, _) => {
            Err((Fault::Missing, format!("no annotated photo is called `{}`", one_line(name))))
        }
        (Some(_), Some(_)) => Err((
            Fault::WrongCount,
            format!("several photos are called `{}`: give more of the path", one_line(name)),
        )),
    }
}
