#!/usr/bin/env bash
# Usage: scripts/site.sh [--serve [PORT]]
#
# Builds the site of docs at target/site, by mdBook, with a page for each trace to which a document
# links: `dkv20 view` writes it. Links to other files of the repository become links to its address.
# Fails if mdBook warns of anything, or if a link within the site is dead.
#
#   --serve [PORT]  then serve the site at http://127.0.0.1:PORT, by default 3000, until interrupted

set -eu
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

SITE="$ROOT/target/site"
# mdBook's input.
BOOK="$ROOT/target/book"

# Copies docs to target/book. A link to a trace becomes one to its page, and another that leaves
# docs one to the repository.
copy_documents() {
    local file repository to_docs
    repository=$(sed -n 's/^git-repository-url = "\(.*\)"$/\1/p' "$ROOT/docs/book.toml")
    rm -rf "$BOOK"
    cp -R "$ROOT/docs" "$BOOK"
    for file in "$BOOK"/*.md "$BOOK"/*/*.md; do
        to_docs=""
        [ "$(dirname "$file")" = "$BOOK" ] || to_docs=../
        sed -e "s#](${to_docs}\.\./tests/traces/\([^)]*\)\.trace)#](${to_docs}pages/\1.html)#g" \
            -e "s#](${to_docs}\.\./#]($repository/blob/main/#g" "$file" >"$file.new"
        mv "$file.new" "$file"
    done
}

# Prints the name of each page to which a document links.
linked_pages() {
    find "$BOOK" -name '*.md' -exec sed 's/](/\n](/g' {} + |
        sed -n 's#^](\(\.\./\)*pages/\([^)/]*\)\.html).*#\2#p' | sort -u
}

write_pages() {
    local name
    mkdir "$BOOK/pages"
    for name in $(linked_pages); do
        "$ROOT/target/dkv20" view "$ROOT/tests/traces/$name.trace" -o "$BOOK/pages/$name.html" \
            >/dev/null || fail "no page of tests/traces/$name.trace"
    done
}

build_book() {
    local log="$ROOT/target/log/mdbook.log"
    logged "$log" mdbook build "$BOOK" --dest-dir "$SITE" || fail "mdBook failed"
    ! grep -E 'WARN|ERROR' "$log" >&2 || fail "mdBook warns"
    # mdBook copies every file that is not a chapter.
    rm "$SITE/book.toml"
}

check_links() {
    logged "$ROOT/target/log/links.log" hyperlink --check-anchors "$SITE" || fail "dead links"
}

main() {
    local serve=no port=3000
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --serve)
                serve=yes
                case ${2:-} in
                    [0-9]*) port=$2 && shift ;;
                esac
                ;;
            *) bad_usage "no such option: $1" ;;
        esac
        shift
    done
    setup site
    bash "$ROOT/scripts/build.sh" exam
    copy_documents
    write_pages
    build_book
    check_links
    say "target/site has $(linked_pages | wc -l | tr -d ' ') pages of traces"
    [ "$serve" = no ] ||
        exec mdbook serve "$BOOK" --dest-dir "$SITE" --hostname 127.0.0.1 --port "$port"
}

main "$@"
