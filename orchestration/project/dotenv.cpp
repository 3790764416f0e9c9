#include "orchestration/project/dotenv.hpp"

#include <algorithm>
#include <optional>

namespace orchestration {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t most_text = 16 << 20;              // of all values: variables that contain each other grow
constexpr std::string_view next_line = "\xC2\x85";       // U+0085
constexpr std::string_view no_break_space = "\xC2\xA0";  // U+00A0

// Bytes of the white space at the front, 0 when there is none. A line feed counts only when asked for.
std::size_t space_at_front(std::string_view text, bool line_feed) {
  if (text.empty()) return 0;
  if (std::string_view(" \t\v\f\r").find(text.front()) != std::string_view::npos) return 1;
  if (text.front() == '\n') return line_feed ? 1 : 0;
  return text.starts_with(next_line) || text.starts_with(no_break_space) ? 2 : 0;
}

bool is_name_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  const bool beyond_ascii = static_cast<unsigned char>(c) >= 0x80;
  return letter || beyond_ascii || std::string_view("_.-[]").find(c) != std::string_view::npos;
}

std::string_view trimmed_right(std::string_view text) {
  while (!text.empty()) {
    if (std::string_view(" \t\v\f\r\n").find(text.back()) != std::string_view::npos)
      text.remove_suffix(1);
    else if (text.ends_with(next_line) || text.ends_with(no_break_space))
      text.remove_suffix(2);
    else
      break;
  }
  return text;
}

// One escape of a text in double quotes; `text` begins with the backslash. What is no escape stays as it is.
std::string take_escape(std::string_view& text) {
  static constexpr std::string_view letters = "abfnrtv\\\"";
  static constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\\"";
  const char c = text.size() > 1 ? text[1] : '\0';
  if (const std::size_t known = letters.find(c); c != '\0' && known != std::string_view::npos) {
    text.remove_prefix(2);
    return std::string(1, meanings[known]);
  }
  if (c == '$') {
    text.remove_prefix(2);
    return "$$";  // so that it is no reference afterwards
  }
  // \0 and three octal digits; fewer stay as written.
  const std::string_view digits = text.substr(std::min<std::size_t>(2, text.size()), 3);
  const bool octal = c == '0' && digits.size() == 3 && digits.find_first_not_of("01234567") == std::string_view::npos;
  if (octal) {
    const int code = (digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0');
    text.remove_prefix(5);
    if (code < 0x80) return std::string(1, static_cast<char>(code));
    return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
  }
  text.remove_prefix(1);
  return "\\";
}

std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() == '\\') {
      out += take_escape(text);
      continue;
    }
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

class parser {
 public:
  parser(std::string_view text, const variable_lookup& lookup, const std::map<std::string, std::string>& earlier)
      : rest_(text), lookup_(lookup), earlier_(earlier) {}

  std::vector<dotenv_variable> parse() {
    if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
    whole_ = rest_;
    while (find_statement()) statement();
    return std::move(out_);
  }

 private:
  bool find_statement();
  void statement();
  std::optional<std::string_view> take_name(bool& inherited);
  std::string take_quoted(char quote);
  std::string take_unquoted();
  std::string expanded(std::string_view text) const;
  std::optional<std::string> earlier(const std::string& name) const;
  void skip_spaces(bool line_feeds);
  int line() const;

  std::string_view whole_;
  std::string_view rest_;
  const variable_lookup& lookup_;
  const std::map<std::string, std::string>& earlier_;
  std::vector<dotenv_variable> out_;
  std::size_t total_ = 0;  // bytes of values
  mutable std::size_t counted_ = 0;  // bytes whose line feeds are in lines_
  mutable int lines_ = 0;
};

int parser::line() const {
  // From where it was counted last: each variable asks.
  const std::string_view read = whole_.substr(counted_, whole_.size() - rest_.size() - counted_);
  lines_ += static_cast<int>(std::count(read.begin(), read.end(), '\n'));
  counted_ += read.size();
  return 1 + lines_;
}

void parser::skip_spaces(bool line_feeds) {
  while (const std::size_t size = space_at_front(rest_, line_feeds)) rest_.remove_prefix(size);
}

bool parser::find_statement() {
  while (true) {
    skip_spaces(true);
    if (rest_.empty()) return false;
    if (rest_.front() != '#') return true;
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return false;
    rest_.remove_prefix(end);
  }
}

std::optional<std::string> parser::earlier(const std::string& name) const {
  const auto found =
      std::find_if(out_.rbegin(), out_.rend(), [&](const dotenv_variable& each) { return each.name == name; });
  if (found != out_.rend()) return found->value;
  const auto before = earlier_.find(name);
  return before == earlier_.end() ? std::nullopt : std::optional(before->second);
}

std::string parser::expanded(std::string_view text) const {
  try {
    return interpolate(text, [&](const std::string& name) {
      std::optional<std::string> value = lookup_(name);
      return value ? value : earlier(name);
    });
  } catch (const interpolation_error& error) {
    throw dotenv_error(line(), error.what());
  }
}

// The name with its separator taken away. Absent for the quirk of a last line without separator: the name is empty
// then, and the line is its value.
std::optional<std::string_view> parser::take_name(bool& inherited) {
  std::size_t i = 0;
  while (i < rest_.size()) {
    const char c = rest_[i];
    if (c == '=' || c == ':' || c == '\n') {
      const std::string_view name = trimmed_right(rest_.substr(0, i));
      if (name.find(' ') != std::string_view::npos) throw dotenv_error(line(), "a name cannot contain a space");
      inherited = c == '\n';
      rest_.remove_prefix(i + 1);
      return name;
    }
    const std::size_t space = space_at_front(rest_.substr(i), false);
    if (space == 0 && !is_name_character(c))
      throw dotenv_error(line(), "unexpected character \"" + std::string(1, c) + "\" in a variable name");
    i += std::max<std::size_t>(space, 1);
  }
  return std::nullopt;
}

std::string parser::take_quoted(char quote) {
  std::string text;
  bool escaped = false;
  for (std::size_t i = 1; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (c == quote && !escaped) {
      const std::string value = quote == '"' ? expanded(unescaped(text)) : text;
      rest_.remove_prefix(i + 1);
      return value;
    }
    // A backslash only hides the quote; before anything else it stays.
    if (c != quote && !escaped && c == '\\') {
      escaped = true;
      continue;
    }
    if (escaped && c != quote) text += '\\';
    escaped = false;
    text += c;
  }
  throw dotenv_error(line(), "unterminated quoted value");
}

std::string parser::take_unquoted() {
  const std::size_t end = rest_.find('\n');
  std::string_view text = rest_.substr(0, end);
  text = trimmed_right(text.substr(0, text.find(" #")));
  std::string value = expanded(text);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  return value;
}

void parser::statement() {
  static constexpr std::string_view keyword = "export";
  if (rest_.starts_with(keyword) && space_at_front(rest_.substr(keyword.size()), true) > 0) {
    rest_.remove_prefix(keyword.size());
    skip_spaces(false);
  }
  const int at = line();
  bool inherited = false;
  const std::string name(take_name(inherited).value_or(""));
  if (inherited) {
    const std::optional<std::string> value = lookup_(name);
    if (value) out_.push_back({name, *value, at});
    return;
  }
  skip_spaces(false);
  const bool quoted = !rest_.empty() && (rest_.front() == '"' || rest_.front() == '\'');
  std::string value = quoted ? take_quoted(rest_.front()) : take_unquoted();
  total_ += value.size();
  if (total_ > most_text)
    throw dotenv_error(at, "more than " + std::to_string(most_text) + " bytes once variables are replaced");
  out_.push_back({name, std::move(value), at});
}

}  // namespace

std::vector<dotenv_variable> parse_dotenv(std::string_view text, const variable_lookup& lookup,
                                          const std::map<std::string, std::string>& earlier) {
  return parser(text, lookup, earlier).parse();
}

std::vector<dotenv_variable> parse_raw_env(std::string_view text, const variable_lookup& lookup) {
  std::vector<dotenv_variable> out;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    std::string_view each = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (each.ends_with('\r')) each.remove_suffix(1);
    while (const std::size_t space = space_at_front(each, false)) each.remove_prefix(space);
    if (each.empty() || each.front() == '#') continue;
    const std::size_t equals = each.find('=');
    const std::string name(each.substr(0, equals));
    if (name.empty()) throw dotenv_error(line, "no variable name before =");
    if (name.find_first_of(" \t") != std::string::npos) throw dotenv_error(line, "a name cannot contain a space");
    const std::optional<std::string> value =
        equals == std::string_view::npos ? lookup(name) : std::optional(std::string(each.substr(equals + 1)));
    if (value) out.push_back({name, *value, line});
  }
  return out;
}

}  // namespace orchestration
