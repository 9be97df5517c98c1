-- wrk.lua: what `bench calls` posts, by wrk: each body has a number of its own and the Idempotency-Key that belongs to it.
-- Says at the end what wrk counted, as one line of JSON. For one thread: its numbers would come twice with two.

local kode_opd, nama_opd = "2.15.01", "Dinas Perhubungan"
local number = 0

local function nomor_of(i)
    return string.format("%s-B1-%d", kode_opd, i)
end

local function body_of(i)
    return string.format(
        '{"nomor_permohonan":"%s","revisi":1,"kode_wilayah":"21.71","kode_opd":"%s","nama_opd":"%s","sistem":{"nama":'
            .. '"Sistem %d","url":"https://app%d.batam.go.id","basis":["web","mobile"],"sasaran":"layanan_publik",'
            .. '"kategori_se":"rendah","klasifikasi_data":"terbuka"},"integrasi":{"metode":["api"],"url_api":'
            .. '"https://app%d.batam.go.id/api","autentikasi":"oauth2_client_credentials"},"kontak_teknis":{"surel":'
            .. '"teknis@batam.go.id"},"url_callback":"http://127.0.0.1:9480/v1/callbacks/bedelau"}',
        nomor_of(i), kode_opd, nama_opd, i, i, i)
end

function request()
    number = number + 1
    return wrk.format("POST", nil, {
        ["Idempotency-Key"] = nomor_of(number) .. ":1:1",
        ["Content-Type"] = "application/json",
        ["User-Agent"] = "bench",
    }, body_of(number))
end

function done(summary)
    local e = summary.errors
    io.write(string.format(
        '{"calls":%d,"wall_s":%.6f,"body_bytes":%d,"failed":%d}\n', summary.requests, summary.duration / 1e6,
        #body_of(10000), e.connect + e.read + e.write + e.status + e.timeout))
end
