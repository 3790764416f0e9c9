#include "orchestration/run/executor.hpp"

#include <algorithm>
#include <chrono>

#include "docker_client/image_reference.hpp"
#include "orchestration/files/failpoint.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/lost_reply.hpp"
#include "orchestration/run/registry_trouble.hpp"

namespace orchestration {
namespace {

constexpr const char* made_by_attempt = "io.dockupd.attempt";  // label

operation_error::cause cause_of(const action& a) {
  using cause = operation_error::cause;
  if (std::holds_alternative<pull_image>(a)) return cause::pull;
  if (std::holds_alternative<snapshot_volumes>(a)) return cause::snapshot;
  if (std::holds_alternative<restore_volumes>(a)) return cause::restore;
  if (std::holds_alternative<start_container>(a)) return cause::start;
  if (std::holds_alternative<verify_container>(a)) return cause::verification;
  if (std::holds_alternative<pin_tag>(a) || std::holds_alternative<pin_images>(a)) return cause::pin;
  return cause::engine;
}

// A pull that takes too long is the registry's doing; anything else is the engine's own.
bool is_unreachable(const docker::error& error, const action& a) {
  if (error.kind() == docker::error_kind::not_connected) return true;
  return error.kind() == docker::error_kind::timeout && !std::holds_alternative<pull_image>(a);
}

// A registry hands out an image of another platform when that is the only one there is, and the engine takes it with a
// warning. Empty: it runs here. A platform that the compose file names was asked for.
std::string foreign_platform(const docker::json& image, const std::string& platform_of_engine) {
  const std::string architecture = image.string_at({"Architecture"});
  const std::string platform = image.string_at({"Os"}) + "/" + architecture;
  if (architecture.empty() || platform_of_engine.empty() || platform == platform_of_engine) return {};
  // What a 64-bit processor of the same kind runs by itself.
  if (platform_of_engine == "linux/amd64" && platform == "linux/386") return {};
  if (platform_of_engine == "linux/arm64" && platform == "linux/arm") return {};
  return platform;
}

}  // namespace

std::string pinned_reference(const std::string& reference, const std::string& digest) {
  if (digest.empty()) return reference;
  return docker::image_reference::parse(reference).with_tag("").with_digest(digest).familiar();
}

executor::executor(workspace& w, const std::string& attempt_id, std::string which, const plan& p, full_disk at_full)
    : workspace_(w), attempt_id_(attempt_id), which_(std::move(which)), plan_(p), at_full_(at_full) {}

docker::task<> executor::run(phase when, bool interruptible) {
  interruptible_ = interruptible;
  std::vector<operation> verifications;
  for (const operation& o : plan_.operations) {
    if (o.when != when) continue;
    check_interrupted();
    if (std::holds_alternative<verify_container>(o.what))
      verifications.push_back(o);
    else if (when == phase::commit)
      co_await clean_up(o);
    else
      co_await make_so(o);
  }
  if (!verifications.empty()) co_await prove_together(std::move(verifications), interruptible);
}

docker::task<> executor::run_again(phase when) {
  interruptible_ = false;
  for (const operation& o : plan_.operations) {
    const bool of_a_container = std::holds_alternative<create_container>(o.what) ||
                                std::holds_alternative<stop_container>(o.what) ||
                                std::holds_alternative<rename_container>(o.what);
    if (o.when == when && of_a_container) co_await make_so(o);
  }
}

void executor::check_interrupted() const {
  if (interruptible_ && workspace_.interrupted.stop_requested())
    throw operation_error(operation_error::cause::interrupted, "interrupted by a signal");
}

void executor::say(progress_event::kind what, const operation& o, std::string text) {
  progress_event event;
  event.what = what;
  event.phase = std::string(to_text(o.when));
  event.subject = subject_of(o.what);
  event.text = std::move(text);
  event.number = o.number;
  event.total = static_cast<int>(plan_.operations.size());
  workspace_.progress(event);
}

executor::result executor::begin(operation o) {
  const auto ensure_it = [this](const auto& act) -> result {
    using kind = std::decay_t<decltype(act)>;
    if constexpr (std::is_same_v<kind, verify_container>)
      throw std::logic_error("proofs run together");
    else
      return ensure(act);
  };
  return std::visit(ensure_it, o.what);
}

void executor::passed(const operation& o, const char* what) const {
  failpoint("step:" + which_ + ":" + describe(o.what) + ":" + what);
}

executor::result executor::make(operation o) {
  for (;;) {
    std::string no_room;
    try {
      const auto once = [this, &o] { return begin(o); };
      auto step = again_when_lost(once);
      co_return co_await std::move(step);
    } catch (const std::exception& error) {
      if (at_full_ == full_disk::gives_up || !is_for_want_of_room(error)) throw;
      no_room = error.what();
      if (!release_ballast(workspace_, describe(o.what) + ": " + no_room)) {
        if (!goes_without(o)) throw;
        break;
      }
    }
  }
  const std::string text = "no copy of the present data was made: that needs " + room_for(workspace_, o.what) +
                           ". The data stays as it is, so the run goes on without";
  say(progress_event::kind::warning, o, text);
  co_return docker::json::object({{"said", "not made: no room"}, {"warning", text}});
}

/// The copy of data that nothing will replace: the version that a person waits for does not have to wait for it.
bool executor::goes_without(const operation& o) const {
  const auto replaces = [](const operation& p) { return std::holds_alternative<restore_volumes>(p.what); };
  return std::holds_alternative<snapshot_volumes>(o.what) &&
         std::none_of(plan_.operations.begin(), plan_.operations.end(), replaces);
}

docker::task<> executor::make_so(operation o) {
  workspace_.records.intend(attempt_id_, which_, o.number, now_text());
  passed(o, "intended");
  say(progress_event::kind::begin, o, describe(o.what));
  std::string failure;
  bool no_room = false;
  operation_error::cause why = cause_of(o.what);
  docker::json detail;
  try {
    detail = co_await make(o);
  } catch (const snapshot_cancelled&) {
    throw operation_error(operation_error::cause::interrupted, "interrupted by a signal");
  } catch (const operation_error&) {
    throw;
  } catch (const docker::error& error) {
    failure = error.what();
    if (is_unreachable(error, o.what)) why = operation_error::cause::unreachable;
    no_room = is_for_want_of_room(error);
  } catch (const docker::json_error& error) {
    failure = std::string("the engine's answer was not understood: ") + error.what();
  } catch (const std::runtime_error& error) {  // files, archives, references
    failure = error.what();
    no_room = is_for_want_of_room(error);
  }
  if (no_room) {
    // Cleaning up can be left, and what may be interrupted is undone: the rest stays as it is until there is room.
    const bool stays = at_full_ == full_disk::uses_ballast && !interruptible_ && o.when != phase::commit;
    failure += ". Needed: " + room_for(workspace_, o.what) + (stays ? ". Free it, then: dockupd recover" : "");
    if (stays) why = operation_error::cause::unreachable;
  }
  if (!failure.empty()) throw operation_error(why, describe(o.what) + ": " + failure);
  passed(o, "made");
  workspace_.records.done(attempt_id_, which_, o.number, now_text(), detail);
  passed(o, "recorded");
  say(progress_event::kind::end, o, detail.string_at({"said"}));
}

docker::task<> executor::clean_up(operation o) {
  std::string failure;
  try {
    co_await make_so(o);
  } catch (const operation_error& error) {
    if (error.why() == operation_error::cause::unreachable) throw;
    failure = error.what();
  }
  if (!failure.empty()) say(progress_event::kind::warning, o, "left over: " + failure);
}

docker::task<std::optional<docker::json>> executor::inspect(std::string id) {
  const auto make = [this, &id] { return workspace_.engine.inspect_container(id); };
  auto look = again_when_lost(make);
  co_return co_await std::move(look);
}

docker::task<std::string> executor::last_lines(std::string id, int lines) {
  std::string out;
  try {
    out = co_await workspace_.engine.last_log_lines(std::move(id), lines);
  } catch (const docker::error&) {
    // They are for reading only: what happened must not depend on them.
  }
  co_return workspace_.redact(std::move(out));
}

docker::task<std::string> executor::find(container_ref ref) {
  const std::optional<docker::json> found = co_await look_at(std::move(ref));
  co_return found ? found->at("Id").as_string() : std::string();
}

docker::task<std::optional<docker::json>> executor::look_at(container_ref ref) {
  std::string id = ref.id;
  if (id.empty()) {
    std::vector<std::string> labels;
    labels.push_back("io.dockupd.attempt=" + attempt_id_);
    labels.push_back("io.dockupd.subject=" + ref.subject);
    const auto make = [this, &labels] { return workspace_.engine.list_containers(labels); };
    auto list = again_when_lost(make);
    const std::vector<docker::json> listed = co_await std::move(list);
    if (listed.empty()) co_return std::nullopt;
    id = listed.front().at("Id").as_string();
  }
  co_return co_await inspect(id);
}

docker::task<docker::json> executor::must_look_at(container_ref ref) {
  std::optional<docker::json> found = co_await look_at(ref);
  if (!found)
    throw operation_error(operation_error::cause::engine,
                          "container " + ref.subject +
                              " is gone: " + (ref.id.empty() ? "the one this run created" : ref.id.substr(0, 12)) +
                              " was removed by someone else");
  co_return std::move(*found);
}

// --- images, networks, volumes ---------------------------------------------------------------------------------

executor::result executor::ensure(pull_image o) {
  const std::string pinned = pinned_reference(o.reference, o.digest);
  std::optional<docker::json> image = co_await workspace_.engine.inspect_image(pinned);
  const bool local = image.has_value() && !o.digest.empty();
  if (!local) {
    progress_event event;
    event.what = progress_event::kind::advance;
    event.phase = "pull";
    event.subject = o.reference;
    const std::function<void(const pull_progress&)> on_progress = [&](const pull_progress& p) {
      event.text = p.layer.empty() ? p.status : p.layer + " " + p.status;
      event.current = p.current;
      event.of = p.total;
      workspace_.progress(event);
    };
    const auto pull = [&] { return workspace_.engine.pull_image(pinned, o.platform, on_progress); };
    auto pulling = again_when_busy(pull);
    co_await std::move(pulling);
    image = co_await workspace_.engine.inspect_image(pinned);
    // The stream's last word is no proof: the image has to be there under the digest that was resolved.
    if (!image)
      throw operation_error(operation_error::cause::pull, "pulled " + pinned + ", but the engine does not have it");
  }
  const engine_facts here = co_await workspace_.engine.facts();
  if (const std::string other = foreign_platform(*image, here.platform); o.platform.empty() && !other.empty())
    throw operation_error(operation_error::cause::pull,
                          o.reference + " is for " + other + ", and this engine runs " + here.platform +
                              ". If it is to be emulated: platform: " + other + " in the compose file");
  const std::string id = image->at("Id").as_string();
  if (pinned != o.reference && o.reference.find('@') == std::string::npos) {
    const std::optional<docker::json> tagged = co_await workspace_.engine.inspect_image(o.reference);
    if (!tagged || tagged->at("Id").as_string() != id) co_await workspace_.engine.tag_image(id, o.reference);
  }
  docker::json detail = docker::json::make_object();
  detail["image_id"] = id;
  detail["said"] = local ? "already here" : "pulled " + id.substr(7, 12);
  co_return detail;
}

executor::result executor::ensure(keep_image o) {
  const std::optional<docker::json> kept = co_await workspace_.engine.inspect_image(o.keep_as);
  if (kept && kept->at("Id").as_string() == o.image_id) co_return docker::json();
  const std::optional<docker::json> image = co_await workspace_.engine.inspect_image(o.image_id);
  // Pruned since: nothing is left that the name could mean, and nothing that runs needs it.
  if (!image) co_return docker::json::object({{"said", "no longer on this engine"}});
  co_await workspace_.engine.tag_image(o.image_id, o.keep_as);
  co_return docker::json();
}

executor::result executor::ensure(ensure_network o) {
  const std::optional<docker::json> there = co_await workspace_.engine.inspect_network(o.name);
  if (!there) co_await workspace_.engine.create_network(std::move(o.body));
  co_return docker::json();
}

executor::result executor::ensure(ensure_volume o) {
  const std::optional<docker::json> there = co_await workspace_.engine.inspect_volume(o.name);
  if (there) co_return docker::json();
  if (!o.body.contains("Labels")) o.body["Labels"] = docker::json::make_object();
  o.body["Labels"][made_by_attempt] = attempt_id_;
  co_await workspace_.engine.create_volume(std::move(o.body));
  co_return docker::json();
}

executor::result executor::ensure(remove_network o) {
  co_await workspace_.engine.remove_network(std::move(o.name));
  co_return docker::json();
}

executor::result executor::ensure(remove_volume o) {
  const std::optional<docker::json> there = co_await workspace_.engine.inspect_volume(o.name);
  if (!there) co_return docker::json::object({{"said", "not there"}});
  // Somebody made it after this was planned, and may have put data there.
  if (there->string_at({"Labels", made_by_attempt}) != attempt_id_)
    co_return docker::json::object({{"said", "not made by this run: kept"}});
  co_await workspace_.engine.remove_volume(std::move(o.name));
  co_return docker::json();
}

}  // namespace orchestration
