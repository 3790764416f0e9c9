#include "orchestration/run/recorded_pins.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/plan/pinned_text.hpp"
#include "orchestration/project/override_file.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/run/ending.hpp"

namespace orchestration {
namespace {

struct pin_place {
  std::string file;
  std::string service;   // of an override file
  std::string variable;  // of an env file
  bool operator<(const pin_place& other) const {
    return std::tie(file, service, variable) < std::tie(other.file, other.service, other.variable);
  }
};

pin_place place_of(const released_pin& p) { return {p.file, p.service, p.variable}; }

std::optional<std::string> text_of(const std::filesystem::path& file) {
  return std::filesystem::exists(file) ? std::optional(read_file(file)) : std::nullopt;
}

/// Empty: nothing. Throws when the file cannot be read, or is none of its kind.
std::string what_stands(const pin_place& where) {
  const std::optional<std::string> text = text_of(where.file);
  if (!text) return {};
  return (where.service.empty() ? read_env_value(*text, where.variable) : override_image(*text, where.service))
      .value_or("");
}

/// What stood there while `target` ran; absent: not recorded.
std::map<pin_place, std::optional<std::string>> pinned_at(const store& records, const release& target,
                                                          const release& present) {
  std::map<pin_place, std::optional<std::string>> out;
  for (const released_pin& p : target.pins) out[place_of(p)] = p.value;
  // The first later release that pinned something there knows what stood there until then.
  std::map<int, release> later;
  for (const release& rel : records.releases())
    if (rel.number > target.number && rel.number <= present.number) later.emplace(rel.number, rel);
  for (const auto& [number, rel] : later)
    for (const released_pin& p : rel.pins) out.try_emplace(place_of(p), p.previous);
  return out;
}

/// Empty: the image may be changed from what stands there.
std::string why_left(const release& present, const pin_place& where, const std::string& stands) {
  for (const released_pin& p : present.pins)
    if (p.file == where.file && p.service == where.service)
      return p.value == stands
                 ? ""
                 : "somebody changed services." + where.service + ".image to " + (stands.empty() ? "nothing" : stands);
  return {};
}

pin_tag line_back(const pin_place& where, const std::string& value, const std::string& stands) {
  pin_tag out;
  out.file = where.file;
  out.variable = where.variable;
  out.value = value;
  out.has_line = !stands.empty();
  // One that refers to other variables would not come back as it was written: then it counts as unknown.
  if (stands.find('$') == std::string::npos) out.previous = stands;
  return out;
}

/// A release that was deployed with --pin none never had its tag in the file.
bool runs_another(const release& target, const std::string& value) {
  if (value.empty() || target.tag.empty() || target.tag == value) return false;
  return std::none_of(target.containers.begin(), target.containers.end(),
                      [&](const released_container& c) { return c.image_reference.find(value) != std::string::npos; });
}

std::string name_of(const pin_place& where) {
  return where.service.empty() ? where.variable : "services." + where.service + ".image";
}

}  // namespace

void add_pins(docker::json& settings, const std::optional<pin_tag>& line, const std::optional<pin_images>& images) {
  if (line) {
    const released_pin before = found_pin(*line);
    const bool is_written = line->value != line->previous;
    settings["pin"] = docker::json::object({{"file", line->file},
                                            {"variable", line->variable},
                                            {"value", is_written ? line->value : before.value},
                                            {"previous", before.value}});
  }
  if (!images) return;
  docker::json out = docker::json::make_array();
  for (const pinned_image& each : images->images)
    out.push_back(docker::json::object(
        {{"file", images->file}, {"service", each.service}, {"image", each.image}, {"previous", each.previous}}));
  settings["images"] = std::move(out);
}

std::vector<released_pin> pins_of(const docker::json& settings) {
  std::vector<released_pin> pins;
  if (const docker::json* pin = settings.find("pin")) {
    released_pin line{pin->string_at({"file"}), pin->string_at({"variable"}), pin->string_at({"value"}), "", {}};
    if (pin->contains("previous")) line.previous = pin->string_at({"previous"});
    pins.push_back(std::move(line));
  }
  if (const docker::json* images = settings.find("images"); images != nullptr && images->is_array())
    for (const docker::json& each : images->elements())
      pins.push_back({each.string_at({"file"}), "", each.string_at({"image"}), each.string_at({"service"}),
                      each.string_at({"previous"})});
  return pins;
}

released_pin found_pin(const pin_tag& line) {
  const std::string stands = line.has_line ? line.previous : "";
  return {line.file, line.variable, stands, "", stands};
}

void carry_pins(release& r, const release& before) {
  std::set<pin_place> own;
  for (const released_pin& p : r.pins) own.insert(place_of(p));
  for (released_pin p : before.pins) {
    // A project that has moved pins elsewhere.
    const bool is_gone = !std::filesystem::is_directory(std::filesystem::path(p.file).parent_path());
    if (is_gone || own.contains(place_of(p))) continue;
    try {
      const std::string stands = what_stands(place_of(p));
      // Where a line refers to other variables, what they made of it is better known.
      if (stands.find('$') == std::string::npos) p.value = stands;
    } catch (const std::runtime_error&) {
      // As recorded: the release is worth more than one line of it.
    }
    p.previous = p.value;
    r.pins.push_back(std::move(p));
  }
}

pins_back pins_to_go_back(const store& records, const release& target, const release& present) {
  pins_back out;
  std::map<std::string, std::vector<pinned_image>> images;  // by file
  const auto leave = [&](const std::string& file, const std::string& why) {
    out.notes.push_back(file + " is left as it is: " + why +
                        ". See to it, or the next `docker compose up` deploys what it says");
  };
  for (const auto& [where, wanted] : pinned_at(records, target, present)) {
    try {
      const std::string stands = what_stands(where);
      if (!wanted) {
        leave(where.file, "what " + name_of(where) + " was under r" + std::to_string(target.number) +
                              " is not recorded, and it is " + (stands.empty() ? "nowhere" : stands) + " now");
        continue;
      }
      if (where.service.empty() && runs_another(target, *wanted))
        out.notes.push_back(where.variable + "=" + *wanted + " stood in " + where.file + " while r" +
                            std::to_string(target.number) + " ran " + target.tag +
                            ": the next `docker compose up` deploys " + *wanted);
      if (stands == *wanted) continue;
      if (where.service.empty())
        out.lines.push_back(line_back(where, *wanted, stands));
      else if (const std::string why = why_left(present, where, stands); !why.empty())
        leave(where.file, why);
      else
        images[where.file].push_back({where.service, *wanted, stands});
    } catch (const std::runtime_error& error) {
      leave(where.file, error.what());
    }
  }
  for (auto& [file, changed] : images) {
    try {
      out.images.push_back(pins_for(file, std::move(changed), text_of(file)));
    } catch (const std::runtime_error& error) {
      leave(file, error.what());
    }
  }
  return out;
}

bool is_another(const pin_tag& planned, const std::string& stands) {
  // What refers to other variables is never the value that came of it.
  return stands != planned.value && stands != planned.previous && stands.find('$') == std::string::npos;
}

void refuse_changed(const pin_tag& planned) {
  if (planned.previous.empty() || !planned.has_line || !std::filesystem::exists(planned.file)) return;
  const std::string stands = read_env_value(read_file(planned.file), planned.variable).value_or("");
  if (!stands.empty() && is_another(planned, stands))
    throw refusal(ending::refused, planned.file + " said " + planned.variable + "=" + planned.previous +
                                       " when it was read, and says " + stands +
                                       " now: another run has been there. Nothing was changed. Run the command again");
}

void refuse_changed(const pin_images& planned) {
  const auto text = [](const docker::json& of) { return of.is_null() ? std::string() : of.as_string(); };
  const std::string stands = text_of(planned.file).value_or("");
  if (stands != text(planned.old_text) && stands != text(planned.new_text))
    throw refusal(ending::refused, planned.file +
                                       " was changed after it was read: another run has been there. Nothing "
                                       "was changed. Run the command again");
}

}  // namespace orchestration
