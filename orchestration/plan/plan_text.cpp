// Plans as text for people: columns, one line an operation.
#include <algorithm>
#include <array>

#include "orchestration/plan/plan.hpp"
#include "orchestration/project/pin.hpp"

namespace orchestration {
namespace {

// A longer cell pushes its own line's rest to the right instead of everybody's.
constexpr std::array<std::size_t, 4> widest = {9, 34, 26, 44};

struct words {
  std::string verb;
  std::string subject;
  std::string detail;
};

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

std::string join(const std::vector<volume_target>& volumes) {
  std::vector<std::string> names;
  for (const volume_target& v : volumes) names.push_back(v.name);
  return join(names);
}

std::string short_id(const std::string& id) {
  const std::size_t colon = id.find(':');
  return id.substr(colon == std::string::npos ? 0 : colon + 1, 12);
}

bool is_aside(const std::string& name) { return name.find(".dockupd-") != std::string::npos; }

struct to_words {
  words operator()(const pull_image& o) const { return {"pull", o.reference, "for " + join(o.services)}; }
  words operator()(const keep_image& o) const { return {"keep", o.keep_as, "image " + short_id(o.image_id)}; }
  words operator()(const ensure_network& o) const { return {"create", "network " + o.name, ""}; }
  words operator()(const ensure_volume& o) const { return {"create", "volume " + o.name, ""}; }
  words operator()(const create_container& o) const {
    const std::size_t files = o.files.size();
    return {"create", o.target.subject,
            files == 0 ? "" : "with " + std::to_string(files) + (files == 1 ? " file" : " files")};
  }
  words operator()(const stop_container& o) const {
    if (o.was == run_state::completed || o.was == run_state::stopped) return {"disarm", o.target.subject, ""};
    return {"stop", o.target.subject, o.was == run_state::paused ? "paused" : ""};
  }
  words operator()(const rename_container& o) const {
    if (is_aside(o.to)) return {"set aside", o.target.subject, ""};
    return {"rename", o.target.subject, "to " + o.to};
  }
  words operator()(const snapshot_volumes& o) const { return {"snapshot", join(o.volumes), ""}; }
  words operator()(const restore_volumes& o) const { return {"restore", join(o.volumes), "from " + o.snapshot_id}; }
  words operator()(const start_container& o) const {
    if (o.leave == run_state::stopped) return {"re-arm", o.target.subject, ""};
    if (o.until == goal::completed) return {"run", o.target.subject, "to its end"};
    std::string detail = o.until == goal::healthy ? "until healthy" : "";
    if (o.leave == run_state::paused) detail += detail.empty() ? "then pause" : ", then pause";
    return {"start", o.target.subject, detail};
  }
  words operator()(const verify_container& o) const { return {"verify", o.target.subject, expectation(o)}; }
  words operator()(const pin_tag& o) const { return {"pin", to_text(o), "in " + o.file}; }
  words operator()(const pin_images& o) const { return {"pin", to_text(o), "in " + o.file}; }
  words operator()(const remove_container& o) const { return {"remove", o.target.subject, ""}; }
  words operator()(const remove_network& o) const { return {"remove", "network " + o.name, ""}; }
  words operator()(const remove_volume& o) const { return {"remove", "volume " + o.name, ""}; }

  static std::string expectation(const verify_container& o) {
    switch (o.expected) {
      case run_state::running:
        break;
      case run_state::paused:
        return "paused";
      case run_state::completed:
        return "completed";
      case run_state::stopped:
        return "stopped";
    }
    return o.has_health_check ? "healthy" : "running";
  }
};

/// "1, 3-6": numbers that follow each other as one.
std::string ranges(std::vector<int> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::string out;
  for (std::size_t from = 0; from < numbers.size();) {
    std::size_t to = from;
    while (to + 1 < numbers.size() && numbers[to + 1] == numbers[to] + 1) ++to;
    const char* between = to == from + 1 ? ", " : "-";
    out.append(out.empty() ? "" : ", ").append(std::to_string(numbers[from]));
    if (to > from) out.append(between).append(std::to_string(numbers[to]));
    from = to + 1;
  }
  return out;
}

using line = std::array<std::string, 4>;  // verb, subject, detail, cause

line cells_of(const operation& o) {
  words w = std::visit(to_words{}, o.what);
  return {std::move(w.verb), std::move(w.subject), std::move(w.detail), o.cause};
}

std::array<std::size_t, 4> widths_of(const std::vector<line>& lines) {
  std::array<std::size_t, 4> widths{};
  for (const line& cells : lines)
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (cells[i].size() <= widest[i]) widths[i] = std::max(widths[i], cells[i].size());
  return widths;
}

void pad_to(std::string& text, std::size_t column) {
  if (text.size() < column) text.append(column - text.size(), ' ');
}

}  // namespace

std::string to_text(const pin_tag& p) { return p.variable + (p.value.empty() ? " unset" : "=" + p.value); }

std::string to_text(const pin_images& p) {
  std::string out;
  for (const pinned_image& each : p.images)
    out.append(out.empty() ? "" : ", ").append(each.service).append(each.image.empty() ? " unset" : "=" + each.image);
  return out;
}

std::string to_text(const plan& p) {
  std::vector<line> lines;
  for (const operation& o : p.operations) lines.push_back(cells_of(o));
  const std::array<std::size_t, 4> widths = widths_of(lines);
  const std::size_t number_width = std::to_string(p.operations.size()).size();
  std::string out;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    const operation& o = p.operations[n];
    const std::string number = std::to_string(o.number);
    std::string text(number_width - std::min(number_width, number.size()), ' ');
    text += number + " ";
    std::size_t column = text.size();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (widths[i] == 0) continue;
      text += lines[n][i];
      column += widths[i] + 2;
      pad_to(text, column);
      if (!text.ends_with("  ")) text += "  ";
    }
    if (!o.after.empty()) text += "after " + ranges(o.after);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  for (const std::string& note : p.notes) out += "note: " + note + "\n";
  return out;
}

namespace {

using row = std::array<std::string, 3>;

// The last column is as wide as it is.
std::string table(const std::vector<row>& rows) {
  std::array<std::size_t, 2> widths{};
  for (const row& cells : rows)
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  std::string out;
  for (const row& cells : rows) {
    std::string text = cells[0];
    pad_to(text, widths[0] + 2);
    text += cells[1];
    pad_to(text, widths[0] + 2 + widths[1] + 2);
    text += cells[2];
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  return out;
}

}  // namespace

std::string services_text(const std::vector<service_outlook>& services) {
  if (services.empty()) return {};
  std::vector<row> rows = {{"SERVICE", "TO DO", "WHY"}};
  for (const service_outlook& s : services) {
    rows.push_back({s.service, s.action, s.causes.empty() ? "" : s.causes.front()});
    for (std::size_t i = 1; i < s.causes.size(); ++i) rows.push_back({"", "", s.causes[i]});
  }
  const std::string tags = tags_text(services);
  return table(rows) + (tags.empty() ? "" : "\n") + tags;
}

std::string tags_text(const std::vector<service_outlook>& services) {
  std::vector<row> rows = {{"SERVICE", "TAG", "FROM"}};
  for (const service_outlook& s : services)
    if (!s.tag_text.empty()) rows.push_back({s.service, short_tag(s.tag), s.tag_text});
  return rows.size() == 1 ? "" : table(rows);
}

}  // namespace orchestration
