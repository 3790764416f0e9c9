// Volumes: snapshot and restore on the worker pool.
#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/executor.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/off_thread.hpp"
#include "orchestration/run/volume_users.hpp"

namespace orchestration {
namespace {

std::string stage_text(snapshot_progress::stage at) {
  switch (at) {
    case snapshot_progress::stage::archiving:
      return "archiving";
    case snapshot_progress::stage::verifying:
      return "reading back";
    case snapshot_progress::stage::wiping:
      return "emptying";
    case snapshot_progress::stage::restoring:
      return "restoring";
    case snapshot_progress::stage::proving:
      return "checking";
  }
  return {};
}

/// Progress of the worker, handed to the engine's thread.
snapshot_progress_function forward(boost::asio::any_io_executor home, progress_sink sink) {
  return [home, sink](const snapshot_progress& p) {
    progress_event event;
    event.what = progress_event::kind::advance;
    event.subject = p.volume;
    event.text = stage_text(p.at);
    event.current = static_cast<std::int64_t>(p.bytes);
    boost::asio::post(home, [sink, event] { sink(event); });
  };
}

std::string counted(std::uint64_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string first_problems(const verification& v) {
  std::string text;
  for (const std::string& problem : v.problems) text += (text.empty() ? "" : "; ") + problem;
  return text;
}

}  // namespace

namespace {

struct sealed {
  manifest made;
  std::string manifest_sha256;
};

/// Nobody writes to a quiesced volume: content that moved or could not be read means somebody does, and the archive is
/// no point in time.
void refuse_incomplete(snapshot_store& snapshots, const manifest& made) {
  using kind = snapshot_finding::kind;
  for (const archived_volume& v : made.volumes)
    for (const snapshot_finding& f : v.findings)
      if (f.what == kind::changed || f.what == kind::vanished || f.what == kind::unreadable) {
        snapshots.remove(made.id);
        throw snapshot_error("volume " + v.name + " is not quiet: " + f.path + ": " + f.text +
                             ". Does another project write to it? Stop that first, or pass --no-snapshot");
      }
}

}  // namespace

docker::task<std::vector<volume_source>> executor::sources(std::vector<volume_target> volumes) {
  std::vector<volume_source> out;
  for (const volume_target& v : volumes) {
    const std::optional<docker::json> found = co_await workspace_.engine.inspect_volume(v.name);
    if (!found)
      throw operation_error(operation_error::cause::snapshot, "volume " + v.name + " does not exist any more");
    volume_source source;
    source.key = v.key;
    source.name = v.name;
    source.driver = found->string_at({"Driver"});
    source.mountpoint = found->string_at({"Mountpoint"});
    if (const docker::json* labels = found->find("Labels")) source.labels = *labels;
    if (const docker::json* options = found->find("Options")) source.driver_options = *options;
    out.push_back(std::move(source));
  }
  co_return out;
}

void executor::report(const std::string& volume, const snapshot_finding& finding) {
  progress_event event;
  event.what = progress_event::kind::warning;
  event.subject = volume;
  event.text = "snapshot of " + volume + ": " + finding.path + ": " + finding.text;
  workspace_.progress(event);
}

executor::result executor::ensure(snapshot_volumes o) {
  if (which_ == "plan") {
    // All that the plan knows has been stopped. On the way back nothing is refused any more: a torn copy is better than
    // none.
    std::set<std::string> none_known;
    const std::vector<std::string> users = co_await users_of(workspace_.engine, o.volumes, std::move(none_known));
    if (!users.empty())
      throw operation_error(
          operation_error::cause::snapshot,
          "container " + users.front() + ": the archive would be no point in time. Stop that container");
  }
  snapshot_row row;
  row.id = o.snapshot_id;
  row.of_release = o.of_release;
  row.attempt_id = attempt_id_;
  row.reason = o.reason;
  row.created_at = now_text();
  snapshot_request request;
  request.id = row.id;
  request.project = plan_.project;
  request.reason = row.reason;
  request.release = row.of_release;
  request.created_at = row.created_at;
  request.volumes = co_await sources(o.volumes);
  const snapshot_progress_function progress = forward(co_await boost::asio::this_coro::executor, workspace_.progress);
  const std::stop_token stop = interruptible_ ? workspace_.interrupted : std::stop_token();
  auto work = [&snapshots = workspace_.snapshots, request = std::move(request), progress, stop] {
    if (!snapshots.contains(request.id)) refuse_incomplete(snapshots, snapshots.create(request, progress, stop));
    const verification proof = snapshots.verify(request.id, progress, stop);
    if (!proof.good()) {
      // What cannot be read back now will not be there when it is needed.
      snapshots.remove(request.id);
      throw snapshot_error("the snapshot could not be read back as written: " + first_problems(proof));
    }
    return sealed{snapshots.read(request.id), snapshots.manifest_sha256(request.id)};
  };
  const sealed found = co_await off_thread(workspace_.pool, std::move(work));
  const manifest& made = found.made;
  for (const archived_volume& v : made.volumes)
    for (const snapshot_finding& f : v.findings) report(v.name, f);
  row.bytes = static_cast<std::int64_t>(made.archive_bytes());
  row.verified_at = now_text();
  row.manifest_sha256 = found.manifest_sha256;
  workspace_.records.add_snapshot(row);
  workspace_.snapshots.expect_manifest(row.id, row.manifest_sha256);
  docker::json detail = docker::json::object({{"snapshot_id", made.id}});
  std::uint64_t bytes = 0;
  for (const archived_volume& v : made.volumes) bytes += v.bytes;
  detail["said"] = counted(made.volumes.size(), "volume") + ", " + std::to_string(bytes >> 20) + " MiB, verified";
  co_return detail;
}

executor::result executor::ensure(restore_volumes o) {
  // Everything of the project has been stopped: who still writes would lose it, and the version that comes back too.
  std::set<std::string> none_known;
  const std::vector<std::string> users = co_await users_of(workspace_.engine, o.volumes, std::move(none_known));
  if (!users.empty())
    throw operation_error(
        operation_error::cause::unreachable,
        "container " + users.front() + ", which has to be put back. Stop that container, then: dockupd recover");
  std::vector<volume_source> volumes = co_await sources(o.volumes);
  const snapshot_progress_function progress = forward(co_await boost::asio::this_coro::executor, workspace_.progress);
  const std::string id = o.snapshot_id;
  // Never cancelled: a half-restored volume is worse than a late one.
  struct put_back {
    std::uint64_t entries = 0;
    std::vector<std::pair<std::string, snapshot_finding>> findings;  // by volume
  };
  auto work = [&snapshots = workspace_.snapshots, volumes = std::move(volumes), id, progress] {
    put_back out;
    for (const volume_source& v : volumes) {
      const restored one = snapshots.restore(id, v.name, v.mountpoint, progress);
      out.entries += one.entries;
      for (const snapshot_finding& f : one.findings) out.findings.emplace_back(v.name, f);
    }
    return out;
  };
  put_back done;
  std::string failure;
  try {
    done = co_await off_thread(workspace_.pool, work);
  } catch (const std::runtime_error& error) {
    // Without room a second time is no better, and what releases it tries again.
    if (is_for_want_of_room(error)) throw;
    failure = error.what();
  }
  if (!failure.empty()) {
    // A person is called for when the data cannot be put back: not over what may pass, as having no memory does.
    progress_event event;
    event.what = progress_event::kind::warning;
    event.subject = id;
    event.text = failure + ". Once more, from the beginning";
    workspace_.progress(event);
    done = co_await off_thread(workspace_.pool, work);
  }
  for (const auto& [volume, finding] : done.findings) report(volume, finding);
  co_return docker::json::object({{"said", counted(done.entries, "file") + ", verified"}});
}

}  // namespace orchestration
