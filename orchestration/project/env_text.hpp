// The assignments in the text of an env file, with the bytes that each one's value takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace orchestration {

enum class env_quotes { none, single, twofold };

struct env_assignment {
  std::string name;
  std::size_t begin = 0;  // of the value in the text, quotes included
  std::size_t end = 0;    // behind it: white space and comment are not part of it
  env_quotes quotes = env_quotes::none;
  char separator = '=';  // or ':'
  /// "NAME= # note": to compose the note is the value, but no one means it; a value is put in before it.
  bool is_note = false;
};

/// In the order of the text, by the grammar of compose-go's dotenv. A bare NAME inherits and is no assignment.
/// Throws pin_error with the line for what compose refuses to read.
std::vector<env_assignment> env_assignments(std::string_view text);

/// The value as compose takes it, except that references ($NAME, ${NAME…}) stay as written.
std::string env_value(std::string_view text, const env_assignment& a);

/// Whether the value refers to other variables.
bool has_references(std::string_view text, const env_assignment& a);

/// `value` written so that env_value() gives it back, in the quotes given where they can hold it.
std::string env_text(std::string_view value, env_quotes quotes);

}  // namespace orchestration
