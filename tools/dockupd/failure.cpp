#include "tools/dockupd/failure.hpp"

#include "docker_client/credentials.hpp"
#include "docker_client/engine_address.hpp"
#include "docker_client/error.hpp"
#include "docker_client/image_reference.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/project/load.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/release/store.hpp"
#include "orchestration/run/ending.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/printable.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/session.hpp"

namespace dockupd {
namespace {

std::string advice_for(const docker::error& error) {
  if (error.kind() != docker::error_kind::not_connected) return "";
  return ". Does the engine run, may you use its socket, and is -H or DOCKER_HOST right?";
}

exit_code fail(const command& asked, exit_code code, const std::string& text) {
  if (asked.json) {
    docker::json out = document(name_of(asked.what), asked.project_name, "error", code);
    out["reason"] = printable(text);
    print(out);
  }
  say_error(text);
  return code;
}

}  // namespace

explanation explain(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const fatal& error) {
    return {error.code(), error.what()};
  } catch (const orchestration::refusal& error) {
    return {code_of(error.how()), error.what()};
  } catch (const orchestration::load_error& error) {
    return {exit_code::usage, error.what()};
  } catch (const orchestration::pin_refused& error) {
    return {exit_code::refused, error.what()};
  } catch (const orchestration::pin_error& error) {
    return {exit_code::usage, error.what()};
  } catch (const docker::image_reference_error& error) {
    return {exit_code::usage, error.what()};
  } catch (const docker::address_error& error) {
    return {exit_code::usage, error.what()};
  } catch (const docker::credentials_error& error) {
    return {exit_code::refused, error.what()};
  } catch (const orchestration::plan_error& error) {
    return {exit_code::refused, error.what()};
  } catch (const orchestration::file_error& error) {
    return {exit_code::refused, error.what()};
  } catch (const orchestration::store_error& error) {
    return {exit_code::refused, error.what()};
  } catch (const orchestration::snapshot_error& error) {
    return {exit_code::refused, error.what()};
  } catch (const docker::error& error) {
    return {exit_code::refused, error.what() + advice_for(error)};
  } catch (const std::exception& error) {
    return {exit_code::internal_error, error.what()};
  }
}

exit_code explained(const command& asked, const std::function<exit_code()>& work) {
  try {
    return work();
  } catch (const std::exception&) {
    const explanation e = explain(std::current_exception());
    return fail(asked, e.code, e.text);
  }
}

}  // namespace dockupd
