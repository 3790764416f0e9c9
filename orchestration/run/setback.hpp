// Why a part of a run could not be done, as a value: what follows is decided by it.
#pragma once

#include <optional>
#include <string>

#include "docker_client/credentials.hpp"
#include "docker_client/error.hpp"
#include "docker_client/json.hpp"
#include "docker_client/task.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/release/store.hpp"
#include "orchestration/run/executor.hpp"

namespace orchestration {

struct setback {
  std::string text;                           // the thing, the reason and, where there is one, the way out
  std::optional<operation_error::cause> why;  // nullopt: there is none, all was done
  explicit operator bool() const { return why.has_value(); }
  bool is(operation_error::cause cause) const { return why == cause; }
};

inline operation_error::cause cause_of(const docker::error& error) {
  return error.kind() == docker::error_kind::not_connected ? operation_error::cause::unreachable
                                                           : operation_error::cause::engine;
}

/// co_awaits make(). What an operation, the engine, the plan, files, snapshots or the records fail of comes back;
/// anything else passes through. `make` is kept by the caller until then: a coroutine of a lambda lives in its
/// captures.
template <class Make>
docker::task<setback> setback_of(const Make& make) {
  setback out;
  try {
    docker::task<> doing = make();
    co_await std::move(doing);
  } catch (const operation_error& error) {
    out = {error.what(), error.why()};
  } catch (const docker::error& error) {
    out = {error.what(), cause_of(error)};
  } catch (const docker::credentials_error& error) {
    out = {error.what(), operation_error::cause::pull};
  } catch (const plan_error& error) {
    out = {error.what(), operation_error::cause::engine};
  } catch (const snapshot_error& error) {
    out = {error.what(), operation_error::cause::snapshot};
  } catch (const file_error& error) {
    out = {error.what(), operation_error::cause::engine};
  } catch (const docker::json_error& error) {
    out = {std::string("the engine's answer was not understood: ") + error.what(), operation_error::cause::engine};
  } catch (const store_error& error) {
    // Nothing is done that could not be recorded first: it stays where it is until there is room again.
    out = {error.what(), operation_error::cause::unreachable};
  }
  co_return out;
}

template <class Make>
docker::task<setback> setback_of(const Make&& make) = delete;

}  // namespace orchestration
