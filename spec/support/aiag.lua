-- aiag.lua: the measurements of two gage studies whose analysis is published.
--
-- trials: the study of AIAG, Measurement Systems Analysis, 4th edition, chapter III B: ten parts, appraisers A, B, C,
-- three trials. W. McNeese, Three Ways to Analyze a Gage R&R Study (BPI Consulting, 2015) prints the same measurements
-- and analysis; Minitab has them as gageaiag.mtw.
--
-- gaskets: a study with an interaction, after one of the AIAG manual of 1990: ten gaskets, George, Jane and Robert, two
-- trials. The measurements are those of the SAS/QC User's Guide, appendix GAGE, table A.1; the analysis is Minitab's,
-- help of Gage R&R Study (Crossed), two-way ANOVA table with interaction.
local aiag = {}

--- trials[appraiser][trial][part]
aiag.trials = {
  { { 0.29, -0.56, 1.34, 0.47, -0.80, 0.02, 0.59, -0.31, 2.26, -1.36 },
    { 0.41, -0.68, 1.17, 0.50, -0.92, -0.11, 0.75, -0.20, 1.99, -1.25 },
    { 0.64, -0.58, 1.27, 0.64, -0.84, -0.21, 0.66, -0.17, 2.01, -1.31 } },
  { { 0.08, -0.47, 1.19, 0.01, -0.56, -0.20, 0.47, -0.63, 1.80, -1.68 },
    { 0.25, -1.22, 0.94, 1.03, -1.20, 0.22, 0.55, 0.08, 2.12, -1.62 },
    { 0.07, -0.68, 1.34, 0.20, -1.28, 0.06, 0.83, -0.34, 2.19, -1.50 } },
  { { 0.04, -1.38, 0.88, 0.14, -1.46, -0.29, 0.02, -0.46, 1.77, -1.49 },
    { -0.11, -1.13, 1.09, 0.20, -1.07, -0.67, 0.01, -0.56, 1.45, -1.77 },
    { -0.15, -0.96, 0.67, 0.11, -1.45, -0.49, 0.21, -0.49, 1.87, -2.16 } },
}

aiag.gaskets = {
  { { 0.65, 1.00, 0.85, 0.85, 0.55, 1.00, 0.95, 0.85, 1.00, 0.60 },
    { 0.60, 1.00, 0.80, 0.95, 0.45, 1.00, 0.95, 0.80, 1.00, 0.70 } },
  { { 0.55, 1.05, 0.80, 0.80, 0.40, 1.00, 0.95, 0.75, 1.00, 0.55 },
    { 0.55, 0.95, 0.75, 0.75, 0.40, 1.05, 0.90, 0.70, 0.95, 0.50 } },
  { { 0.50, 1.05, 0.80, 0.80, 0.45, 1.00, 0.95, 0.80, 1.05, 0.85 },
    { 0.55, 1.00, 0.80, 0.80, 0.50, 1.05, 0.95, 0.80, 1.05, 0.80 } },
}

--- cells[part][appraiser][trial]
function aiag.cells(trials)
  local cells = {}
  for p = 1, 10 do
    cells[p] = {}
    for a, of_appraiser in ipairs(trials) do
      cells[p][a] = {}
      for t, of_trial in ipairs(of_appraiser) do cells[p][a][t] = of_trial[p] end
    end
  end
  return cells
end

return aiag
