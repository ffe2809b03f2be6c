-- name, id…: how each job stands.
local stand = {}
for i = 2, #ARGV do stand[#stand + 1] = standing(ARGV[i], read(ARGV[i])) end
return stand
