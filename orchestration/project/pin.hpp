// Where the tag of a service's image comes from, and the one line in an env file that sets it.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/project/project.hpp"

namespace orchestration {

/// The tag cannot be set as asked. what() says why and what to type.
class pin_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What stands in the way is the project's, not the command's: nothing was done, and what() names the ways out.
class pin_refused : public pin_error {
 public:
  using pin_error::pin_error;
};

enum class tag_form {
  none,      // no image, or one without a tag: "shop/web", "shop/web@sha256:…"
  literal,   // "shop/web:v1"
  variable,  // one variable in the tag: "shop/web:${TAG:-v1}", "shop/web:v${VERSION}-slim"
  elsewhere  // variables, but none or several decide the tag: "${IMAGE}", "shop/web:${A}.${B}"
};

struct tag_source {
  tag_form form = tag_form::none;
  std::string variable;                // for tag_form::variable
  std::string before;                  // literal text of the tag around the variable: "v"
  std::string after;                   // "-slim"
  std::optional<std::string> literal;  // the tag as written, for tag_form::literal
  std::vector<std::string> variables;  // every variable of the image text, in order, without repetition
  variable_origin origin;              // of `variable`; source is unset when the project does not list it
};

tag_source find_tag_source(const project& p, const service& s);

/// Those in whose image the variable stands, in the tag or elsewhere.
std::set<std::string> services_with(const project& p, const std::string& variable);

/// Where the tag of a service comes from, for people and scripts.
struct tag_origin {
  std::string service;
  std::string tag;  // of the image as it is now: "v2", "v2@sha256:…", "@sha256:…"; empty without one
  std::string
      source;  // literal, env_file, shell, default, unset, option, several, digest, untagged, built or container
  std::string variable;  // where one decides
  place where;           // of the line to change; no file where there is none
  std::string text;      // "IMAGE_TAG in .env:3", "written in compose.yaml:6"
};
tag_origin origin_of_tag(const project& p, const service& s);

/// "v2@sha256:0123456789ab": a digest in full fills a line by itself.
std::string short_tag(const std::string& tag);

/// What the variable has to be for the image tag to be `tag`: without `before` and `after` where `tag` has them, and
/// tolerant of one leading v: for "v${VERSION}" both "v2.0" and "2.0" give "2.0".
std::string variable_value(const tag_source& source, std::string_view tag);

/// The variable that one `--tag` sets.
struct tag_variable {
  std::string name;
  std::vector<std::string> services;  // those whose tag it is, sorted
  tag_source source;                  // of the first of them
  std::filesystem::path file;         // the env file where it stands, or where it is to be added; absolute
};

/// The only variable that stands in the tag of an image, or the one named `wanted` when given. `p` must have been
/// loaded without override values. Throws pin_error when there are several to choose from; pin_refused when there is
/// none, and when the process environment sets it: what is written to a file would lose against it at the next `compose
/// up`.
tag_variable choose_tag_variable(const project& p, const std::optional<std::string>& wanted = std::nullopt);

// Env files, in compose's own grammar (dotenv as compose-go reads it). Text in, text out.

/// The value that the text gives the variable: the last assignment counts; quotes and escapes are undone, references to
/// other variables stay as written. Absent when nothing assigns it (a bare `NAME` line inherits, it does not assign).
std::optional<std::string> read_env_value(std::string_view text, std::string_view variable);

/// The text with exactly that one value changed: the last assignment is edited in place, with its `export`, separator,
/// spacing, quotes, comment and line ending; a line is added at the end when there is none. Every other byte stays.
/// Quotes are added when the value needs them. Text that gives the value already comes back unchanged.
/// Throws pin_error when the text is not an env file that compose reads, or the name is not one that it can set.
std::string rewrite_env_value(std::string_view text, std::string_view variable, std::string_view value);

/// The text without the line of the last assignment; as it is when there is none. Throws as rewrite_env_value() does,
/// and pin_error when something else is set in that line.
std::string without_env_value(std::string_view text, std::string_view variable);

}  // namespace orchestration
