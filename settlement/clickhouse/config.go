package clickhouse

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// engineFiles are the paths below the engine's directory.
type engineFiles struct{ lock, config, users, data, log, backups string }

func filesBelow(dir string) engineFiles {
	at := func(name string) string { return filepath.Join(dir, name) }
	return engineFiles{
		lock: at("lock"), config: at("config.xml"), users: at("users.xml"),
		data: at("data"), log: at("engine.log"), backups: at("backups"),
	}
}

// writeConfig writes the engine's two configuration files, readable by us only.
func (e *Engine) writeConfig() error {
	for _, dir := range []string{e.files.data, e.files.backups} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the engine's directory: %w", err)
		}
	}
	config := strings.NewReplacer(
		"@LOG@", escapeXML(e.files.log),
		"@TCP@", fmt.Sprint(e.tcpPort),
		"@HTTP@", fmt.Sprint(e.httpPort),
		"@USERS@", escapeXML(e.files.users),
		"@BACKUPS@", escapeXML(e.files.backups),
		"@MEMORY@", fmt.Sprint(e.opts.MaxMemory),
		"@KEEPFREE@", fmt.Sprint(e.opts.KeepFree),
	).Replace(configXML)
	if err := os.WriteFile(e.files.config, []byte(config), 0o600); err != nil {
		return fmt.Errorf("write the engine's configuration: %w", err)
	}
	sum := sha256.Sum256([]byte(e.password))
	users := strings.NewReplacer(
		"@PASSWORD@", hex.EncodeToString(sum[:]),
		"@USER@", EngineUser,
		"@GRANTS@", grantQueries(e.opts.grants),
	).Replace(usersXML)
	if err := os.WriteFile(e.files.users, []byte(users), 0o600); err != nil {
		return fmt.Errorf("write the engine's users: %w", err)
	}
	return nil
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder never fails
	return b.String()
}

// Caches and pools are small: the embedded engine shares its machine with
// everything else. fsync_after_insert does not cover merged parts, hence the
// two *_to_fsync_after_merge settings: an insert that was acknowledged and then
// merged must survive a power cut as well. keep_free_space_bytes: see checkSpace.
const configXML = `<clickhouse>
  <log-level>warning</log-level>
  <logger><console>0</console><log>@LOG@</log><size>10M</size><count>3</count></logger>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>@TCP@</tcp_port>
  <http_port>@HTTP@</http_port>
  <users_config>@USERS@</users_config>
  <history_file>/dev/null</history_file>
  <disable_suggestion>1</disable_suggestion>
  <timezone>UTC</timezone>
  <max_connections>512</max_connections>
  <max_server_memory_usage>@MEMORY@</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <index_mark_cache_size>8388608</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
  <mmap_cache_size>64</mmap_cache_size>
  <compiled_expression_cache_size>16777216</compiled_expression_cache_size>
  <query_cache><max_size_in_bytes>8388608</max_size_in_bytes></query_cache>
  <max_thread_pool_size>1000</max_thread_pool_size>
  <background_pool_size>4</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
  <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
  <storage_configuration><disks><default><keep_free_space_bytes>@KEEPFREE@</keep_free_space_bytes></default></disks></storage_configuration>
  <backups><allowed_path>@BACKUPS@</allowed_path></backups>
  <merge_tree>
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
    <min_rows_to_fsync_after_merge>1</min_rows_to_fsync_after_merge>
    <min_compressed_bytes_to_fsync_after_merge>1</min_compressed_bytes_to_fsync_after_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>2</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>2</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>2</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
`

// Profile default stays empty: it is the base of every other one.
//
// The library's own session is hard-wired to user default with an empty
// password from the loopback address. Its quota lets it do just what it must,
// the two SYSTEM START LISTEN; after them it may do nothing that touches data.
// The application's user may use the table engines that need no file, URL or
// other server: GRANT TABLE ENGINE ON * would open the machine's files to
// whoever holds its password.
const usersXML = `<clickhouse>
  <profiles>
    <default></default>
    <closed>
      <max_memory_usage>10000000</max_memory_usage>
      <max_threads>1</max_threads>
      <max_execution_time>5</max_execution_time>
    </closed>
    <roamclear>
      <async_insert>0</async_insert>
      <allow_suspicious_low_cardinality_types>0</allow_suspicious_low_cardinality_types>
    </roamclear>
  </profiles>
  <quotas>
    <listen><interval><duration>2147483647</duration><queries>2</queries></interval></listen>
    <unlimited><interval><duration>3600</duration><queries>0</queries></interval></unlimited>
  </quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>closed</profile>
      <quota>listen</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
    <@USER@>
      <password_sha256_hex>@PASSWORD@</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>roamclear</profile>
      <quota>unlimited</quota>
      <grants>
@GRANTS@      </grants>
    </@USER@>
  </users>
</clickhouse>
`
