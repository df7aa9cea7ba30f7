#!/bin/sh
# The compiler for builds of which only tests run: Clippy's for the crate with its tests, which is all of its code, and
# rustc for the crate alone, so that nothing is linted twice. Without the optimisation across the parts of the crate,
# which after a change in one file takes twice as long as all the rest.
case " $* " in
    *" --test "*) exec clippy-driver "$@" -C lto=off ;;
    *) exec "$@" -C lto=off -D warnings ;;
esac
