#include "orchestration/run/docker_engine.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "docker_client/credentials.hpp"
#include "orchestration/files/container_processes.hpp"
#include "orchestration/files/failpoint.hpp"
#include "orchestration/plan/container_names.hpp"

namespace orchestration {

using docker::json;
using docker::task;

namespace {

constexpr std::chrono::seconds removal_budget{60};  // of a large container, by someone else
constexpr std::chrono::milliseconds removal_poll{100};
constexpr std::size_t largest_file = 8 << 20;  // a compose file that says it may have no more

bool is_paused(const json& inspect) { return inspect.bool_at({"State", "Paused"}); }
bool runs_unpaused(const json& inspect) { return inspect.bool_at({"State", "Running"}) && !is_paused(inspect); }

/// repo:tag@digest means repo@digest; the endpoints that take one reference do not all agree on that.
docker::image_reference as_the_registry_wants(const std::string& text) {
  const auto reference = docker::image_reference::parse(text);
  if (!reference.is_pinned()) return reference.with_default_tag();
  return reference.with_tag("").with_digest(reference.digest());
}

void pass(const char* call, const char* when) { failpoint("engine:" + std::string(call) + ":" + when); }

/// A call that changes the engine, between its two failpoints.
task<> change(const char* call, task<> doing) {
  pass(call, "before");
  co_await std::move(doing);
  pass(call, "after");
}

template <class Result>
task<Result> change(const char* call, task<Result> doing) {
  pass(call, "before");
  Result result = co_await std::move(doing);
  pass(call, "after");
  co_return result;
}

}  // namespace

docker_engine::docker_engine(docker::client client, docker_engine_options options)
    : client_(std::move(client)), options_(std::move(options)) {}

task<engine_facts> docker_engine::facts() {
  if (facts_) co_return *facts_;
  const docker::api_version api = co_await client_.negotiate();
  const json info = co_await client_.system().info();
  const json version = co_await client_.system().version();
  engine_facts out;
  out.id = info.string_at({"ID"});
  out.version = version.string_at({"Version"});
  out.api_major = api.major;
  out.api_minor = api.minor;
  out.data_root = info.string_at({"DockerRootDir"});
  out.platform = version.string_at({"Os"}) + "/" + version.string_at({"Arch"});
  out.local = options_.local;
  facts_ = out;
  co_return out;
}

// ---- containers -----------------------------------------------------------------------------------------------

task<std::vector<json>> docker_engine::list_containers(std::vector<std::string> labels) {
  json filters;
  if (!labels.empty()) filters["label"] = json::array_of(labels);
  json listed = co_await client_.containers().list(std::move(filters), docker::list_scope::all);
  co_return std::move(listed.elements());
}

task<std::optional<json>> docker_engine::inspect_container(std::string id) {
  co_return co_await client_.containers().inspect(std::move(id));
}

task<std::string> docker_engine::create_container(std::string name, json body, std::string platform) {
  const docker::create_result made = co_await change(
      "create_container", client_.containers().create(std::move(name), std::move(body), std::move(platform)));
  co_return made.id;
}

task<> docker_engine::start_container(std::string id) {
  std::optional<stale_endpoint> stale;
  try {
    co_await change("start_container", client_.containers().start(id));
  } catch (const docker::error& error) {
    stale = stale_endpoint_in(error.engine_message());
    if (!stale) throw;
  }
  if (!stale) co_return;
  co_await free_endpoint(id, std::move(*stale));
  co_await change("start_container", client_.containers().start(std::move(id)));
}

/// By force the engine frees only what no container has the name of: the container is called otherwise meanwhile.
task<> docker_engine::free_endpoint(std::string id, stale_endpoint stale) {
  const std::optional<json> seen = co_await client_.containers().inspect(id);
  const bool bears_the_name = seen && seen->string_at({"Name"}) == "/" + stale.name;
  const std::string meanwhile = stale.name + std::string(while_freed);
  if (bears_the_name) co_await rename_container(id, meanwhile);
  std::optional<docker::error> failed;
  try {
    json body = json::object({{"Container", stale.name}, {"Force", true}});
    co_await change("disconnect_network", client_.networks().disconnect(stale.network, std::move(body)));
  } catch (const docker::error& error) {
    failed = error;
  }
  if (bears_the_name) co_await rename_container(id, stale.name);
  if (failed) throw docker::error(*failed);
}

task<> docker_engine::stop_container(std::string id, std::optional<std::chrono::seconds> grace_period) {
  co_await change("stop_container", client_.containers().stop(std::move(id), grace_period));
}

task<> docker_engine::pause_container(std::string id) {
  condition is_so = &is_paused;
  auto doing = change("pause_container", client_.containers().pause(id));
  co_await do_unless_so(std::move(doing), id, std::move(is_so));
}

task<> docker_engine::unpause_container(std::string id) {
  condition is_so = &runs_unpaused;
  auto doing = change("unpause_container", client_.containers().unpause(id));
  co_await do_unless_so(std::move(doing), id, std::move(is_so));
}

task<> docker_engine::rename_container(std::string id, std::string name) {
  condition is_so = [wanted = "/" + name](const json& inspect) { return inspect.string_at({"Name"}) == wanted; };
  auto doing = change("rename_container", client_.containers().rename(id, name));
  co_await do_unless_so(std::move(doing), id, std::move(is_so));
}

/// When the engine refuses, what it was asked for may be so already; its words for that differ from call to call and
/// version to version, so the container itself is looked at.
task<> docker_engine::do_unless_so(task<> doing, std::string id, condition is_so) {
  std::optional<docker::error> refused;
  try {
    co_await std::move(doing);
  } catch (const docker::error& error) {
    if (error.kind() != docker::error_kind::refused_by_engine) throw;
    refused = error;
  }
  if (!refused) co_return;
  const auto seen = co_await client_.containers().inspect(std::move(id));
  if (!seen || !is_so(*seen)) throw docker::error(*refused);
}

task<> docker_engine::remove_container(std::string id) {
  pass("remove_container", "before");
  const auto result = co_await client_.containers().remove(id, docker::remove_volumes::no, docker::force::no);
  if (result == docker::remove_result::in_progress) co_await wait_until_removed(std::move(id));
  pass("remove_container", "after");
}

task<> docker_engine::wait_until_removed(std::string id) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  const auto give_up = std::chrono::steady_clock::now() + removal_budget;
  for (;;) {
    const auto seen = co_await client_.containers().inspect(id);
    if (!seen) co_return;
    if (std::chrono::steady_clock::now() > give_up) {
      throw docker::error(docker::error_kind::timeout, "someone else has been removing it for a minute",
                          docker::request_line("DELETE", "/containers/" + id), docker::acted::maybe);
    }
    timer.expires_after(removal_poll);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

task<> docker_engine::set_restart_policy(std::string id, json policy) {
  co_await change("set_restart_policy", client_.containers().update_restart_policy(std::move(id), std::move(policy)));
}

task<> docker_engine::put_archive(std::string id, std::string tar, file_owner owner) {
  const auto give = owner == file_owner::container_user ? docker::give_to_user::yes : docker::give_to_user::no;
  co_await change("put_archive", client_.containers().archive_put(std::move(id), "/", std::move(tar), give));
}

task<std::optional<std::string>> docker_engine::get_archive(std::string id, std::string path) {
  std::optional<docker::reply_stream> reply;
  try {
    reply.emplace(co_await client_.containers().archive_get(std::move(id), std::move(path)));
  } catch (const docker::error& error) {
    if (error.status() != 404) throw;
  }
  if (!reply) co_return std::nullopt;
  std::string out;
  std::vector<std::byte> buffer(16 * 1024);
  while (const std::size_t count = co_await reply->read_some(buffer)) {
    out.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (out.size() > largest_file) {
      reply->close();
      break;
    }
  }
  if (out.size() > largest_file)
    throw docker::error(docker::error_kind::protocol, "the file is larger than a secret or config can be",
                        reply->line(), docker::acted::answered);
  co_return out;
}

bool docker_engine::has_processes(const std::string& id) { return options_.local && orchestration::has_processes(id); }

task<std::string> docker_engine::last_log_lines(std::string id, int lines) {
  co_return co_await client_.containers().last_lines(std::move(id), lines);
}

// ---- images ---------------------------------------------------------------------------------------------------

task<std::optional<json>> docker_engine::inspect_image(std::string reference) {
  co_return co_await client_.images().inspect(std::move(reference));
}

std::string docker_engine::registry_auth(const docker::image_reference& reference) const {
  if (options_.config_file.empty()) return "";
  return docker::read_registry_credentials(options_.config_file, reference.registry()).registry_auth.value_or("");
}

task<std::string> docker_engine::resolve_digest(std::string reference) {
  const docker::image_reference wanted = as_the_registry_wants(reference);
  const json answer = co_await client_.images().distribution(wanted.familiar(), registry_auth(wanted));
  const std::string digest = answer.string_at({"Descriptor", "digest"});
  if (digest.empty()) {
    throw docker::error(docker::error_kind::protocol, "the answer has no Descriptor.digest",
                        docker::request_line("GET", "/distribution/" + wanted.familiar() + "/json"),
                        docker::acted::answered);
  }
  co_return digest;
}

task<> docker_engine::pull_image(std::string reference, std::string platform,
                                 std::function<void(const pull_progress&)> on_progress) {
  const docker::image_reference wanted = as_the_registry_wants(reference);
  docker::pull_observer observer = [&on_progress](const docker::pull_progress& said) {
    if (!on_progress) return;
    pull_progress event;
    event.layer = said.id;
    event.status = said.status;
    event.current = said.current;
    event.total = said.total;
    on_progress(event);
  };
  pass("pull_image", "before");
  co_await client_.images().pull(wanted, std::move(platform), registry_auth(wanted), std::move(observer));
  pass("pull_image", "after");
}

task<> docker_engine::tag_image(std::string image, std::string reference) {
  const auto target = docker::image_reference::parse(reference).with_default_tag();
  co_await change("tag_image", client_.images().tag(std::move(image), target.familiar_name(), target.tag()));
}

task<> docker_engine::remove_image(std::string reference) {
  try {
    pass("remove_image", "before");
    co_await client_.images().remove(std::move(reference), docker::force::no);
    pass("remove_image", "after");
  } catch (const docker::error& error) {
    if (error.status() != 409) throw;  // 409: a container is made from it
  }
}

task<> docker_engine::import_empty_image(std::string reference) {
  const auto target = docker::image_reference::parse(reference).with_default_tag();
  const std::string empty_tar(1024, '\0');  // two blocks of zeros end an archive
  co_await change("import_image", client_.images().import(empty_tar, target.familiar_name(), target.tag()));
}

// ---- networks and volumes -------------------------------------------------------------------------------------

task<std::optional<json>> docker_engine::inspect_network(std::string name) {
  co_return co_await client_.networks().inspect(std::move(name));
}

task<std::string> docker_engine::create_network(json body) {
  // Without it, engines before API 1.44 create a second network of the same name.
  if (!body.contains("CheckDuplicate")) body["CheckDuplicate"] = true;
  const docker::create_result made = co_await change("create_network", client_.networks().create(std::move(body)));
  co_return made.id;
}

task<> docker_engine::remove_network(std::string name) {
  co_await change("remove_network", client_.networks().remove(std::move(name)));
}

task<> docker_engine::connect_network(std::string network, std::string container, json endpoint) {
  json body = json::object({{"Container", container}, {"EndpointConfig", std::move(endpoint)}});
  co_await change("connect_network", client_.networks().connect(std::move(network), std::move(body)));
}

task<std::optional<json>> docker_engine::inspect_volume(std::string name) {
  co_return co_await client_.volumes().inspect(std::move(name));
}

task<> docker_engine::create_volume(json body) {
  co_await change("create_volume", client_.volumes().create(std::move(body)));
}

task<> docker_engine::remove_volume(std::string name) {
  co_await change("remove_volume", client_.volumes().remove(std::move(name)));
}

}  // namespace orchestration
