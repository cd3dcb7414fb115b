/* SPDX-License-Identifier: Apache-2.0 */
/* cli/document.c: see document.h. */
#include "cli/document.h"

#include <string.h>

const struct template_field document_fields[] = {
    /* pointers: "if it is there" is how scripts ask */
    { "Health", TEMPLATE_ZERO_POINTER },        { "Healthcheck", TEMPLATE_ZERO_POINTER },
    { "StopTimeout", TEMPLATE_ZERO_POINTER },   { "PidsLimit", TEMPLATE_ZERO_POINTER },
    { "OomKillDisable", TEMPLATE_ZERO_POINTER },{ "MemorySwappiness", TEMPLATE_ZERO_POINTER },
    { "Init", TEMPLATE_ZERO_POINTER },          { "SizeRw", TEMPLATE_ZERO_POINTER },
    { "SizeRootFs", TEMPLATE_ZERO_POINTER },    { "BindOptions", TEMPLATE_ZERO_POINTER },
    { "VolumeOptions", TEMPLATE_ZERO_POINTER }, { "TmpfsOptions", TEMPLATE_ZERO_POINTER },
    { "IPAMConfig", TEMPLATE_ZERO_POINTER },    { "Node", TEMPLATE_ZERO_POINTER },
    /* lists */
    { "Args", TEMPLATE_ZERO_LIST },             { "ExecIDs", TEMPLATE_ZERO_LIST },
    { "Mounts", TEMPLATE_ZERO_LIST },           { "Cmd", TEMPLATE_ZERO_LIST },
    { "Entrypoint", TEMPLATE_ZERO_LIST },       { "Env", TEMPLATE_ZERO_LIST },
    { "OnBuild", TEMPLATE_ZERO_LIST },          { "Shell", TEMPLATE_ZERO_LIST },
    { "Binds", TEMPLATE_ZERO_LIST },            { "VolumesFrom", TEMPLATE_ZERO_LIST },
    { "CapAdd", TEMPLATE_ZERO_LIST },           { "CapDrop", TEMPLATE_ZERO_LIST },
    { "Dns", TEMPLATE_ZERO_LIST },              { "DnsOptions", TEMPLATE_ZERO_LIST },
    { "DnsSearch", TEMPLATE_ZERO_LIST },        { "ExtraHosts", TEMPLATE_ZERO_LIST },
    { "GroupAdd", TEMPLATE_ZERO_LIST },         { "Links", TEMPLATE_ZERO_LIST },
    { "SecurityOpt", TEMPLATE_ZERO_LIST },      { "Devices", TEMPLATE_ZERO_LIST },
    { "DeviceCgroupRules", TEMPLATE_ZERO_LIST },{ "DeviceRequests", TEMPLATE_ZERO_LIST },
    { "Ulimits", TEMPLATE_ZERO_LIST },          { "MaskedPaths", TEMPLATE_ZERO_LIST },
    { "ReadonlyPaths", TEMPLATE_ZERO_LIST },    { "BlkioWeightDevice", TEMPLATE_ZERO_LIST },
    { "BlkioDeviceReadBps", TEMPLATE_ZERO_LIST },   { "BlkioDeviceWriteBps", TEMPLATE_ZERO_LIST },
    { "BlkioDeviceReadIOps", TEMPLATE_ZERO_LIST },  { "BlkioDeviceWriteIOps", TEMPLATE_ZERO_LIST },
    { "RepoTags", TEMPLATE_ZERO_LIST },         { "RepoDigests", TEMPLATE_ZERO_LIST },
    { "Layers", TEMPLATE_ZERO_LIST },           { "Log", TEMPLATE_ZERO_LIST },
    { "Aliases", TEMPLATE_ZERO_LIST },          { "Warnings", TEMPLATE_ZERO_LIST },
    { "SecurityOptions", TEMPLATE_ZERO_LIST },
    /* maps: names that users choose */
    { "Labels", TEMPLATE_ZERO_MAP },            { "Annotations", TEMPLATE_ZERO_MAP },
    { "ExposedPorts", TEMPLATE_ZERO_MAP },      { "Volumes", TEMPLATE_ZERO_MAP },
    { "PortBindings", TEMPLATE_ZERO_MAP },      { "Ports", TEMPLATE_ZERO_MAP },
    { "Networks", TEMPLATE_ZERO_MAP },          { "Sysctls", TEMPLATE_ZERO_MAP },
    { "Tmpfs", TEMPLATE_ZERO_MAP },             { "StorageOpt", TEMPLATE_ZERO_MAP },
    { "Attributes", TEMPLATE_ZERO_MAP },        { "DriverOpts", TEMPLATE_ZERO_MAP },
    { "Runtimes", TEMPLATE_ZERO_MAP },          { "Data", TEMPLATE_ZERO_MAP },
    /* left out when empty */
    { "CgroupnsMode", TEMPLATE_ZERO_STRING },   { "Runtime", TEMPLATE_ZERO_STRING },
    { "Isolation", TEMPLATE_ZERO_STRING },      { "StopSignal", TEMPLATE_ZERO_STRING },
    { "MacAddress", TEMPLATE_ZERO_STRING },     { "Name", TEMPLATE_ZERO_STRING },
    { "Variant", TEMPLATE_ZERO_STRING },        { "OsVersion", TEMPLATE_ZERO_STRING },
    { "Comment", TEMPLATE_ZERO_STRING },        { "Author", TEMPLATE_ZERO_STRING },
    { "Propagation", TEMPLATE_ZERO_STRING },    { "Consistency", TEMPLATE_ZERO_STRING },
    { "NetworkDisabled", TEMPLATE_ZERO_BOOL },  { "ReadOnly", TEMPLATE_ZERO_BOOL },
    { NULL, TEMPLATE_ZERO_NONE },
};

int document_template(const char *format, struct template **ret, struct creel_err *err)
{
    *ret = NULL;
    if (format == NULL || format[0] == '\0' || strcmp(format, "json") == 0)
        return 0;
    if (template_parse(format, ret, err) < 0)
        return creel_wrap(err, "template parsing error");
    return 0;
}

int document_print(const struct template *t, json_t *document, struct bytes *out, struct creel_err *err)
{
    const struct template_input in = { .json = document, .fields = document_fields };
    if (template_run(t, &in, out, err) < 0)
        return creel_wrap(err, "template parsing error");
    bytes_addc(out, '\n');
    return 0;
}

int document_parse(const char *text, json_t **ret, struct creel_err *err)
{
    json_error_t e;
    *ret = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    if (*ret == NULL)
        return creel_fail(err, CREEL_INTERNAL, 0, "the engine's answer is no JSON: %s", e.text);
    return 0;
}
