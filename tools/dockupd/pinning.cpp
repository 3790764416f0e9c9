#include "tools/dockupd/pinning.hpp"

#include <algorithm>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/plan/pinned_text.hpp"
#include "orchestration/project/image_text.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/run/preflight.hpp"

namespace dockupd {
namespace {

namespace fs = std::filesystem;

using orchestration::pin_error;
using orchestration::pin_refused;
using orchestration::pin_tag;
using orchestration::pinned_image;
using orchestration::project;
using orchestration::service;
using orchestration::tag_variable;
using orchestration::update_request;

std::string line_of(const service& s) { return to_text(s.image_place) + ": image: " + s.image_template; }

std::optional<std::string> text_of(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  return orchestration::read_file(file);
}

void read_as(orchestration::load_request& request, const fs::path& file, const std::string& text) {
  request.texts[fs::weakly_canonical(file).string()] = text;
}

const service& service_named(const project& p, const std::string& name) {
  const auto found = p.services.find(name);
  if (found == p.services.end()) throw pin_error("there is no service " + name + " to set the image of");
  return found->second;
}

class pinner {
 public:
  explicit pinner(session& s) : session_(s), asked_(s.asked()), load_(s.load_request()) {}

  update_request make() {
    const project& p = session_.project();
    if (asked_.pin == pin_way::override_file && asked_.tag.empty() && asked_.images.empty())
      throw pin_error("--pin override keeps an image that was given: add --tag or --image");
    if (!asked_.images.empty()) set_images(p);
    if (!asked_.tag.empty() && (asked_.pin == pin_way::override_file || !has_variable(p)))
      set_images_by_tag(p);
    else
      set_variable(p);
    if (!images_.empty()) keep_images(p);
    request_.tag_given = !asked_.tag.empty();
    request_.desired = changed_ ? orchestration::load(load_).value : p;
    check_images_are_set();
    return std::move(request_);
  }

 private:
  std::optional<std::string> wanted_variable() const {
    if (asked_.tag_variable.empty()) return std::nullopt;
    return asked_.tag_variable;
  }

  // Without one there may still be a way for the tag: only asked for where that was chosen.
  bool has_variable(const project& p) const {
    if (asked_.pin != pin_way::none) return true;
    return wanted_variable() || std::any_of(p.services.begin(), p.services.end(), [&](const auto& each) {
             return find_tag_source(p, each.second).form == orchestration::tag_form::variable;
           });
  }

  // --- the variable ---

  /// Without --tag: as it is, so that a release knows its tag line; and nothing when no single variable decides.
  void set_variable(const project& p) {
    std::optional<tag_variable> variable;
    try {
      variable = choose_tag_variable(p, wanted_variable());
    } catch (const pin_error&) {
      if (!asked_.tag.empty() || wanted_variable() || asked_.pin == pin_way::digest) throw;
    }
    if (!variable) return;
    request_.retagged.merge(services_with(p, variable->name));
    pin_tag pin;
    pin.file = variable->file.string();
    pin.variable = variable->name;
    pin.previous = variable->source.origin.value.value_or("");
    pin.has_line = variable->source.origin.source == orchestration::variable_source::env_file;
    pin.value = asked_.tag.empty() ? pin.previous : orchestration::variable_value(variable->source, asked_.tag);
    check_digest_fits(*variable, pin.value);
    if (asked_.pin == pin_way::digest) pin.value += digest_of(*variable, pin);
    request_.tag = pin.value;
    if (asked_.pin == pin_way::none) {
      set_for_this_run(pin);
      return;
    }
    if (pin.value != pin.previous) write(pin, load_);
    request_.pin = std::move(pin);
  }

  void write(const pin_tag& pin, orchestration::load_request& into) {
    const std::string text = text_of(pin.file).value_or("");
    read_as(into, pin.file, orchestration::rewrite_env_value(text, pin.variable, pin.value));
    changed_ = true;
    // A .env that was not there is read from now on; of --env-files this one is among them.
  }

  void set_for_this_run(const pin_tag& pin) {
    if (pin.value == pin.previous) return;
    load_.overrides[pin.variable] = pin.value;
    changed_ = true;
    say_not_kept(pin.variable + "=" + pin.value, pin.previous.empty() ? "what the files say" : pin.previous);
  }

  void say_not_kept(const std::string& what, const std::string& before) {
    request_.notes.push_back(what + " is kept nowhere (--pin none): the next `docker compose up` brings back " +
                             before);
  }

  static void check_digest_fits(const tag_variable& variable, const std::string& value) {
    if (value.find('@') == std::string::npos || variable.source.after.empty()) return;
    throw pin_error("a digest cannot stand in " + variable.name + ": the image goes on with \"" +
                    variable.source.after + "\" behind it");
  }

  /// "@sha256:…" of the tag that `pin` names; empty when it has one.
  std::string digest_of(const tag_variable& variable, const pin_tag& pin) {
    if (pin.value.find('@') != std::string::npos) return {};
    check_digest_fits(variable, "@");
    orchestration::load_request again = load_;
    write(pin, again);
    const std::set<std::string> services(variable.services.begin(), variable.services.end());
    auto resolving = orchestration::resolve_images(session_.engine(), orchestration::load(again).value, services,
                                                   orchestration::observed_state(), services, true);
    const std::map<std::string, std::string> digests = session_.run(std::move(resolving));
    std::set<std::string> all;
    std::string words;
    for (const auto& [image, digest] : digests) {
      all.insert(digest);
      words += "\n  " + image + "@" + digest;
    }
    if (all.empty())
      throw pin_error("--pin digest: pull_policy keeps every image with " + variable.name +
                      " from being asked for in a registry");
    if (all.size() > 1)
      throw pin_refused(variable.name + " stands in different images, and one digest is only one's:" + words +
                        "\nGive each a variable of its own, or keep the tag: --pin tag");
    return "@" + *all.begin();
  }

  // --- images ---

  void set_images(const project& p) {
    for (const auto& [name, image] : asked_.images) images_.push_back({name, image, service_named(p, name).image});
  }

  void set_images_by_tag(const project& p) {
    std::vector<std::string> names = asked_.services;
    if (names.empty()) names = written_out(p);
    for (const std::string& name : names) {
      const service& s = service_named(p, name);
      if (asked_.images.contains(name)) continue;
      images_.push_back({name, orchestration::parts_of(s.image).name + ":" + asked_.tag, s.image});
      if (request_.tag_before.empty()) request_.tag_before = origin_of_tag(p, s).tag;
    }
    request_.tag = asked_.tag;
  }

  std::vector<std::string> written_out(const project& p) const {
    std::vector<std::string> out;
    std::set<std::string> repositories;
    std::string words;
    for (const auto& [name, s] : p.services) {
      const std::string source = origin_of_tag(p, s).source;
      if (source != "literal" && source != "untagged") continue;
      out.push_back(name);
      repositories.insert(orchestration::parts_of(s.image).name);
      words += "\n  " + name + "   " + s.image;
    }
    if (out.empty()) throw pin_error("no image has its tag written out: say whose it is, --tag TAG SERVICE");
    if (repositories.size() > 1)
      throw pin_error("the tag could be that of several images:" + words + "\nSay whose it is: --tag " + asked_.tag +
                      " " + out.back());
    return out;
  }

  /// Where they stand from now on.
  void keep_images(const project& p) {
    for (const pinned_image& each : images_) request_.retagged.insert(each.service);
    const auto as_it_is = [](const pinned_image& each) { return each.image == each.previous; };
    if (asked_.pin == pin_way::none) {
      for (const pinned_image& each : images_) {
        load_.images[each.service] = each.image;
        if (!as_it_is(each)) say_not_kept(each.image + " of service " + each.service, each.previous);
      }
      changed_ = true;
    } else if (asked_.pin == pin_way::override_file) {
      write_override(p);
    } else if (!std::all_of(images_.begin(), images_.end(), as_it_is)) {
      refuse_to_guess(p);
    }
  }

  [[noreturn]] void refuse_to_guess(const project& p) const {
    throw pin_refused("the next `docker compose up` would bring back what the files say:" + said_now(p) +
                      "\nEither write there, and update without --image:" + to_write(p) +
                      "\nor keep it in compose's override file: --pin override" +
                      "\nor nowhere, until the next `docker compose up`: --pin none");
  }

  /// The lines as they would have to be.
  std::string to_write(const project& p) const {
    std::string out;
    for (const pinned_image& each : images_)
      out += "\n  " + to_text(p.services.at(each.service).image_place) + ": image: " + each.image;
    return out;
  }

  std::string said_now(const project& p) const {
    std::string out;
    for (const pinned_image& each : images_) out += "\n  " + line_of(p.services.at(each.service));
    return out;
  }

  void write_override(const project& p) {
    if (p.override_file.empty())
      throw pin_refused(
          "the compose files were given by -f or COMPOSE_FILE: compose then reads no override file, and "
          "what was kept there would be lost. Either write there, and update without --image:" +
          to_write(p) + "\nor nowhere, until the next `docker compose up`: --pin none");
    request_.image_pins = pins_for(p.override_file, images_, text_of(p.override_file));
    read_as(load_, p.override_file, request_.image_pins->new_text.as_string());
    changed_ = true;
  }

  /// That the files, with what is to be written, mean what was asked for.
  void check_images_are_set() const {
    for (const pinned_image& each : images_) {
      const service& s = service_named(request_.desired, each.service);
      if (s.image != each.image)
        throw pin_refused("service " + each.service + " would have image " + s.image + " all the same (" + line_of(s) +
                          "), and not " + each.image);
    }
    if (!request_.pin || asked_.tag.empty()) return;
    const auto set = request_.desired.variables.find(request_.pin->variable);
    if (set != request_.desired.variables.end() && set->second.value == request_.pin->value) return;
    throw pin_refused(request_.pin->variable + "=" + request_.pin->value + " in " + request_.pin->file +
                      " would not be what compose takes (is COMPOSE_DISABLE_ENV_FILE set?)");
  }

  session& session_;
  const command& asked_;
  orchestration::load_request load_;
  update_request request_;
  std::vector<pinned_image> images_;
  bool changed_ = false;  // load_ gives another project than session_.project()
};

}  // namespace

update_request pinned_request(session& s) { return pinner(s).make(); }

}  // namespace dockupd
