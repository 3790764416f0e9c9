#include "orchestration/project/pin.hpp"

#include <algorithm>
#include <map>

#include "orchestration/project/env_text.hpp"
#include "orchestration/project/image_text.hpp"

namespace orchestration {
namespace {

bool is_name_start(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name_part(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

std::size_t name_length(std::string_view text) {
  if (text.empty() || !is_name_start(text.front())) return 0;
  const auto end = std::find_if_not(text.begin(), text.end(), is_name_part);
  return static_cast<std::size_t>(end - text.begin());
}

// A stretch of an image text: literal, or one variable with its operator and argument.
struct piece {
  std::string text;  // literal text, or the variable's name
  bool variable = false;
  std::string argument;  // ":-v1", "?set it", …
};

// The index behind the brace that closes the one at `open`.
std::size_t behind_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (depth == 0) return i + 1;
  }
  return text.size();
}

std::vector<piece> pieces_of(std::string_view text) {
  std::vector<piece> out;
  const auto add_literal = [&](char c) {
    if (out.empty() || out.back().variable) out.emplace_back();
    out.back().text += c;
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const bool braced = rest.starts_with("${");
    const std::size_t length = rest.front() == '$' ? name_length(rest.substr(braced ? 2 : 1)) : 0;
    if (length == 0) {
      i += rest.starts_with("$$") ? 2 : 1;
      add_literal(rest.front());
      continue;
    }
    const std::size_t end = braced ? behind_brace(text, i + 1) : i + 1 + length;
    const std::size_t name = i + (braced ? 2 : 1);
    const std::size_t argument = name + length;
    out.push_back({std::string(text.substr(name, length)), true,
                   braced ? std::string(text.substr(argument, end - argument - 1)) : std::string()});
    i = end;
  }
  return out;
}

void collect_variables(std::string_view text, std::vector<std::string>& out) {
  for (const piece& each : pieces_of(text)) {
    if (!each.variable) continue;
    if (std::find(out.begin(), out.end(), each.text) == out.end()) out.push_back(each.text);
    collect_variables(each.argument, out);
  }
}

// What stands behind the colon of the tag; absent without one, or where a digest decides which image it is.
std::optional<std::vector<piece>> tag_pieces(const std::vector<piece>& image) {
  std::optional<std::vector<piece>> tag;
  for (const piece& each : image) {
    if (each.variable) {
      if (tag) tag->push_back(each);
      continue;
    }
    std::string_view text = each.text;
    if (text.find('@') != std::string_view::npos) return std::nullopt;
    if (const std::size_t slash = text.rfind('/'); slash != std::string_view::npos) {
      tag.reset();  // the colon before it was a port's
      text.remove_prefix(slash + 1);
    }
    if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
      tag.emplace();
      text.remove_prefix(colon + 1);
    }
    if (tag && !text.empty()) tag->push_back({std::string(text), false, {}});
  }
  return tag;
}

// ${TAG:+x} gives x, not what TAG is set to.
bool is_value_of_variable(const piece& each) {
  return !each.argument.starts_with(":+") && !each.argument.starts_with("+");
}

std::string place_text(const service& s) {
  return s.image_place.file.empty() ? std::string() : " (" + to_text(s.image_place) + ")";
}

bool is_name(std::string_view text) { return !text.empty() && name_length(text) == text.size(); }

// Below the project's folder, as an operator there would type it.
std::string near_text(const project& p, const place& where) {
  place shown = where;
  const std::string folder = p.working_dir.string() + "/";
  if (shown.file.starts_with(folder)) shown.file.erase(0, folder.size());
  shown.column = 0;
  return to_text(shown);
}

std::string tag_of(const std::string& image) {
  const image_text parts = parts_of(image);
  return parts.tag + parts.digest;
}

std::string source_word(variable_source source) {
  switch (source) {
    case variable_source::unset:
      return "unset";
    case variable_source::default_in_template:
      return "default";
    case variable_source::env_file:
      return "env_file";
    case variable_source::process_environment:
      return "shell";
    case variable_source::override_value:
      return "option";
  }
  return "";
}

std::string origin_text(const project& p, const service& s, const variable_origin& v) {
  const std::string in_image = s.image_place.file.empty() ? "the image line" : near_text(p, s.image_place);
  switch (v.source) {
    case variable_source::unset:
      return v.name + ", which is not set (" + in_image + ")";
    case variable_source::default_in_template:
      return v.name + ", its default in " + in_image;
    case variable_source::env_file:
      return v.name + " in " + near_text(p, v.where) + (p.explicit_env_files ? " (--env-file)" : "");
    case variable_source::process_environment:
      return v.name + " in the environment (shell)";
    case variable_source::override_value:
      return v.name + " by --tag, for this run";
  }
  return v.name;
}

// "image: shop/web:${WEB_TAG:-v1}"; empty where there is more to it than a literal tag.
std::string line_with_variable(const service& s) {
  const tag_source source = find_tag_source({}, s);
  const bool untagged = source.form == tag_form::none && source.variables.empty();
  if (s.image_template.find('@') != std::string::npos || (source.form != tag_form::literal && !untagged)) return {};
  std::string name;
  for (const char c : s.name) {
    const bool small = c >= 'a' && c <= 'z';
    name += small ? static_cast<char>(c - 'a' + 'A') : is_name_part(c) ? c : '_';
  }
  if (!is_name(name)) name.insert(0, 1, '_');
  const std::string tag = source.literal.value_or("");
  const std::string before = s.image_template.substr(0, s.image_template.size() - (untagged ? 0 : tag.size() + 1));
  return "image: " + before + ":${" + name + "_TAG:-" + (untagged ? "latest" : tag) + "}";
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

using candidates = std::map<std::string, std::vector<std::string>>;  // variable → services

candidates tag_variables(const project& p) {
  candidates out;
  for (const auto& [name, s] : p.services)
    if (const tag_source source = find_tag_source(p, s); source.form == tag_form::variable)
      out[source.variable].push_back(name);
  return out;
}

std::string listed(const candidates& all) {
  std::string out;
  for (const auto& [variable, services] : all)
    out += (out.empty() ? "" : ", ") + variable + " (" + listed(services) + ")";
  return out;
}

[[noreturn]] void refuse_without_candidates(const project& p) {
  std::string text =
      "no image takes its tag from one variable, so there is no line to write it to, and the next `docker compose up` "
      "would bring the old image back";
  std::string lines;
  for (const auto& [name, s] : p.services) {
    if (s.image_template.empty()) continue;
    text += "\n  " + name + ": image: " + s.image_template + place_text(s);
    if (const std::string line = line_with_variable(s); !line.empty()) lines += "\n  " + line + place_text(s);
  }
  if (!lines.empty()) text += "\nEither write there, with a name of your choice:" + lines + "\nor";
  throw pin_refused(text + (lines.empty() ? "\nEither" : "") +
                    " keep the image in compose's override file: --pin override\n"
                    "or write nothing, until the next `docker compose up`: --image SERVICE=IMAGE --pin none");
}

std::string chosen_name(const project& p, const candidates& all, const std::optional<std::string>& wanted) {
  if (all.empty()) refuse_without_candidates(p);
  if (wanted) {
    if (!all.contains(*wanted))
      throw pin_error(*wanted + " is not the tag of any image; these variables are: " + listed(all));
    return *wanted;
  }
  if (all.size() > 1)
    throw pin_error("the tags of the images come from several variables: " + listed(all) +
                    "\nSay which one: --tag-variable " + all.begin()->first);
  return all.begin()->first;
}

std::filesystem::path env_file_of(const project& p, const variable_origin& origin) {
  if (origin.source == variable_source::env_file) return origin.where.file;
  // Of several --env-file the last wins, so a line added there is the one that counts.
  if (p.explicit_env_files && !p.env_files.empty()) return p.env_files.back();
  return p.working_dir / ".env";
}

const env_assignment* last_of(const std::vector<env_assignment>& all, std::string_view variable) {
  const auto found = std::find_if(all.rbegin(), all.rend(), [&](const auto& a) { return a.name == variable; });
  return found == all.rend() ? nullptr : &*found;
}

std::string with_line_added(std::string_view text, std::string_view variable, std::string_view value) {
  const std::string line_end = text.find("\r\n") == std::string_view::npos ? "\n" : "\r\n";
  std::string out(text);
  const bool only_mark = text == "\xEF\xBB\xBF";
  if (!out.empty() && !only_mark && !out.ends_with('\n')) out += line_end;
  return out + std::string(variable) + "=" + env_text(value, env_quotes::none) + line_end;
}

std::string with_value_replaced(std::string_view text, const env_assignment& a, std::string_view value) {
  std::string_view before = text.substr(0, a.begin);
  std::string_view after = text.substr(a.end);
  std::string written = env_text(value, a.quotes);
  if (a.is_note) {
    after = text.substr(before.find_last_not_of(" \t") + 1);
    before = text.substr(0, text.size() - after.size());
    if (a.separator == ':') written.insert(0, 1, ' ');
  }
  // Between "=" and a comment, nothing at all would make the comment the value.
  const bool before_comment = after.substr(0, after.find('\n')).find('#') != std::string_view::npos;
  if (written.find_first_not_of(' ') == std::string::npos && before_comment) written += "\"\"";
  return std::string(before) + written + std::string(after);
}

}  // namespace

tag_source find_tag_source(const project& p, const service& s) {
  tag_source out;
  collect_variables(s.image_template, out.variables);
  const std::optional<std::vector<piece>> tag = tag_pieces(pieces_of(s.image_template));
  const auto variables =
      tag ? std::count_if(tag->begin(), tag->end(), [](const piece& each) { return each.variable; }) : 0;
  if (!tag) {
    out.form = out.variables.empty() ? tag_form::none : tag_form::elsewhere;
  } else if (variables == 0) {
    out.form = tag_form::literal;
    out.literal = tag->empty() ? std::string() : tag->front().text;
  } else {
    out.form = tag_form::elsewhere;
  }
  if (variables != 1) return out;

  const auto found = std::find_if(tag->begin(), tag->end(), [](const piece& each) { return each.variable; });
  if (!is_value_of_variable(*found)) return out;
  out.form = tag_form::variable;
  out.variable = found->text;
  if (found != tag->begin()) out.before = std::prev(found)->text;
  if (std::next(found) != tag->end()) out.after = std::next(found)->text;
  out.origin.name = out.variable;
  if (const auto known = p.variables.find(out.variable); known != p.variables.end()) out.origin = known->second;
  return out;
}

std::set<std::string> services_with(const project& p, const std::string& variable) {
  std::set<std::string> out;
  for (const auto& [name, s] : p.services) {
    const std::vector<std::string> all = find_tag_source(p, s).variables;
    if (std::find(all.begin(), all.end(), variable) != all.end()) out.insert(name);
  }
  return out;
}

tag_origin origin_of_tag(const project& p, const service& s) {
  tag_origin out;
  out.service = s.name;
  out.tag = tag_of(s.image);
  out.where = s.image_place;
  if (!s.found.empty()) {
    out.source = "container";
    out.text = "as its container shows, no compose file";
    return out;
  }
  const std::string written = s.image_place.file.empty() ? "written" : "written in " + near_text(p, s.image_place);
  if (s.image_template.empty()) {
    out.source = "built";
    out.text = "built, not pulled";
    return out;
  }
  const tag_source source = find_tag_source(p, s);
  switch (source.form) {
    case tag_form::none: {
      const bool pinned = out.tag.find('@') != std::string::npos;
      out.source = pinned ? "digest" : "untagged";
      out.text = pinned ? "a digest, " + written : "no tag, " + written + ": latest";
      break;
    }
    case tag_form::literal:
      out.source = "literal";
      out.text = written;
      break;
    case tag_form::variable:
      out.source = source_word(source.origin.source);
      out.variable = source.variable;
      if (source.origin.source == variable_source::env_file) out.where = source.origin.where;
      out.text = origin_text(p, s, source.origin);
      break;
    case tag_form::elsewhere:
      out.source = "several";
      for (const std::string& name : source.variables) {
        const auto known = p.variables.find(name);
        const variable_origin origin = known == p.variables.end() ? variable_origin{name, {}, {}, {}} : known->second;
        // What is behind a default that was not needed is in no list.
        if (known == p.variables.end() && source.variables.size() > 1) continue;
        out.text += (out.text.empty() ? "" : "; ") + origin_text(p, s, origin);
      }
      break;
  }
  return out;
}

std::string short_tag(const std::string& tag) {
  constexpr std::string_view algorithm = "@sha256:";
  constexpr std::size_t shown = 12;
  const std::size_t digest = tag.find(algorithm);
  return digest == std::string::npos ? tag : tag.substr(0, digest + algorithm.size() + shown);
}

std::string variable_value(const tag_source& source, std::string_view tag) {
  if (!source.before.empty() && tag.starts_with(source.before)) tag.remove_prefix(source.before.size());
  if (!source.after.empty() && tag.ends_with(source.after)) tag.remove_suffix(source.after.size());
  return std::string(tag);
}

tag_variable choose_tag_variable(const project& p, const std::optional<std::string>& wanted) {
  const candidates all = tag_variables(p);
  tag_variable out;
  out.name = chosen_name(p, all, wanted);
  out.services = all.at(out.name);
  out.source = find_tag_source(p, p.services.at(out.services.front()));
  if (out.source.origin.source == variable_source::process_environment)
    throw pin_refused(out.name +
                      " is set in the environment, which wins over every env file: the next `docker compose "
                      "up` from there would bring its tag back. Type `unset " +
                      out.name + "` and try again");
  out.file = env_file_of(p, out.source.origin);
  return out;
}

std::optional<std::string> read_env_value(std::string_view text, std::string_view variable) {
  const std::vector<env_assignment> all = env_assignments(text);
  const env_assignment* last = last_of(all, variable);
  if (last == nullptr) return std::nullopt;
  return env_value(text, *last);
}

std::string rewrite_env_value(std::string_view text, std::string_view variable, std::string_view value) {
  if (!is_name(variable)) throw pin_error("\"" + std::string(variable) + "\" is not the name of a variable");
  if (value.find('\0') != std::string_view::npos) throw pin_error("the value holds a zero byte");
  const std::vector<env_assignment> all = env_assignments(text);
  const env_assignment* last = last_of(all, variable);
  if (last == nullptr) return with_line_added(text, variable, value);
  if (env_value(text, *last) == value && !has_references(text, *last)) return std::string(text);
  return with_value_replaced(text, *last, value);
}

std::string without_env_value(std::string_view text, std::string_view variable) {
  const std::vector<env_assignment> all = env_assignments(text);
  const env_assignment* last = last_of(all, variable);
  if (last == nullptr) return std::string(text);
  const std::size_t break_before = text.substr(0, last->begin).rfind('\n');
  const std::size_t mark = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  const std::size_t begin = break_before == std::string_view::npos ? mark : break_before + 1;
  const std::size_t end = std::min(text.find('\n', last->end), text.size() - 1) + 1;
  for (const env_assignment& other : all)
    if (&other != last && other.end > begin && other.begin < end)
      throw pin_error(other.name + " is set in the line of " + last->name);
  return std::string(text.substr(0, begin)) + std::string(text.substr(end));
}

}  // namespace orchestration
